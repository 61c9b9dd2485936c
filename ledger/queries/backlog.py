"""What is still to be done: waiting commands, parked messages, outbox rows not yet published. Every count is capped."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Min

from ledger.models import OutboxRow, ParkedMessage, WaitingCommand
from ledger.queries.connection import asked_again_if_lost

COUNTED_UP_TO = 10_000


@dataclass(frozen=True, slots=True)
class Unpublished:
    """The outbox rows still to be published, counted up to COUNTED_UP_TO, and the age of the oldest of these."""

    count: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """Counts up to COUNTED_UP_TO, so that a bad day's backlog never makes its own counting dear."""

    waiting: int
    parked: dict[str, int]
    unpublished: Unpublished


@asked_again_if_lost
def backlog() -> Backlog:
    """What waits, what was parked (by state), and what is still to be told."""
    return Backlog(
        waiting=WaitingCommand.objects.all()[:COUNTED_UP_TO].count(),
        parked={
            str(state): ParkedMessage.objects.filter(state=state)[:COUNTED_UP_TO].count()
            for state in ParkedMessage.State
        },
        unpublished=unpublished(),
    )


@asked_again_if_lost
def unpublished() -> Unpublished:
    """What the outbox still has to tell, by one walk along the index of unpublished batches."""
    rows = OutboxRow.objects.filter(batch__published_at=None).order_by("batch__publish_after")[:COUNTED_UP_TO]
    found = rows.aggregate(count=Count("id"), oldest=Min("created_at"))
    age = (datetime.now(UTC) - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return Unpublished(count=found["count"], oldest_seconds=max(age, 0.0))
