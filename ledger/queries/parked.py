"""Parked messages as staff look for them and at them: filters that indexes answer, and what became of replays."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from ledger.models import ParkedAct, ParkedMessage, ReplayOutcome

UNWIELDY = ("headers", "properties", "body")  # of a message, which may have megabytes of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which parked messages are looked for; what is left out is not asked for. Times are those of the last arrival."""

    state: str | None = None
    reason: str | None = None
    queue: str | None = None
    name: str | None = None
    merchant: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def parked_messages(wanted: Wanted) -> QuerySet[ParkedMessage]:
    """The messages looked for, the last seen first, without the unwieldy parts of each."""
    asked = {
        "state": wanted.state,
        "reason": wanted.reason,
        "queue": wanted.queue,
        "name": wanted.name,
        "merchant_id": wanted.merchant,
        "last_seen_at__gte": wanted.since,
        "last_seen_at__lt": wanted.until,
    }
    rows = with_last_replay(ParkedMessage.objects.filter(**{key: value for key, value in asked.items() if value}))
    return rows.order_by("-last_seen_at", "-id")


def with_last_replay(rows: QuerySet[ParkedMessage]) -> QuerySet[ParkedMessage]:
    """The rows with what last_replay needs, by two look-ups for all of them; without their unwieldy parts."""
    replays = ParkedAct.objects.filter(what=ParkedAct.What.REPLAYED).defer("headers", "body").order_by("id")
    return rows.defer(*UNWIELDY).prefetch_related(
        Prefetch("acts", queryset=replays.prefetch_related("outcomes"), to_attr="replays")
    )


def last_replay(row: Any) -> ParkedAct | None:
    """The last replay of a row that with_last_replay has given."""
    return row.replays[-1] if row.replays else None


def acts_of(message: ParkedMessage) -> list[ParkedAct]:
    """What people have done about a message, the first act first, with what became of each replay."""
    outcomes = Prefetch("outcomes", queryset=ReplayOutcome.objects.order_by("item"))
    return list(message.acts.order_by("id").prefetch_related(outcomes))


def became(replay: ParkedAct) -> str:
    """What became of a replay, in words; of a consume_many, how many of its items became what."""
    outcomes = list(replay.outcomes.all())
    if not outcomes:
        return "sent, no outcome yet"
    if len(outcomes) == 1:
        return word(outcomes[0])
    return ", ".join(f"{count} {text}" for text, count in Counter(map(word, outcomes)).items())


def word(outcome: ReplayOutcome) -> str:
    """The outcome's status; parked and repeated say what that means here."""
    if outcome.status == "parked":
        return "parked again"
    return f"{outcome.status} before" if outcome.repeated else outcome.status


def position_after(seen_at: datetime, id_: int) -> Q:
    """The condition that a row stands behind a position of the list, in the form that an index answers."""
    return Q(last_seen_at__lte=seen_at) & (Q(last_seen_at__lt=seen_at) | Q(id__lt=id_))
