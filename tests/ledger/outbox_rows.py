"""Outbox rows as tests need them: apart from one another, confirmed by a broker or not."""

from collections.abc import Collection, Iterable
from uuid import UUID

from ledger.journal import outbox
from ledger.journal.outbox import Recorded, mark
from ledger.models import OutboxBatch, OutboxRow


def each_apart() -> None:
    """Give every row a batch of its own, otherwise like the one that it was in."""
    for batch in OutboxBatch.objects.all():
        for id_ in batch.rows.values_list("id", flat=True):
            alone = OutboxBatch(
                destination=batch.destination,
                size=1,
                publish_after=batch.publish_after,
                published_at=batch.published_at,
                attempts=batch.attempts,
                last_error=batch.last_error,
            )
            alone.save(force_insert=True)
            OutboxRow.objects.filter(id=id_).update(batch=alone)
        batch.delete()


def to_publish(rows: Iterable[OutboxRow] | None = None) -> list[Recorded]:
    """Rows as the relay has them, in the order of their ids; without rows all that are unpublished."""
    found = OutboxRow.objects.filter(batch__published_at=None)
    if rows is not None:
        found = OutboxRow.objects.filter(id__in=[row.id for row in rows])
    return outbox.to_publish(found)


def confirmed(rows: Iterable[OutboxRow] | None = None, *, unrouted: Collection[UUID] = ()) -> None:
    """Do what is done once the broker has confirmed these rows, or all that are unpublished."""
    told = to_publish(rows)
    mark(told, confirmed={row.id for row in told}, unrouted=unrouted)


def refused(rows: Iterable[OutboxRow], *, error: str) -> None:
    """Do what is done once the broker has refused these rows, and nothing else of their batches."""
    mark(to_publish(rows), confirmed=(), error=error)
