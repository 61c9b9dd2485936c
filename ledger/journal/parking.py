"""Parking: messages that can't be carried out as they are, stored whole; a repeat of one raises its count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.transaction import atomic, on_commit

from ledger import dialect, metrics
from ledger.claims import claim_in
from ledger.dialect import INTEGER, MOMENT, TEXT, UUID_, Columns
from ledger.identifiers import new_id
from ledger.journal.inserting import insert_rows, rows_of_mappings
from ledger.journal.replays import Replay, note_outcomes, read, replays_of
from ledger.messages import UNTOLD, Message, replay_in
from ledger.models import ParkedMessage
from ledger.outcomes import Outcome, ParkReason, Status

PARKED: Columns = {
    "fingerprint": TEXT,
    "state": TEXT,
    "reason": TEXT,
    "field": TEXT,
    "detail": TEXT,
    "queue": TEXT,
    "name": TEXT,
    "headers": TEXT,
    "properties": TEXT,
    "body": TEXT,
    "body_encoding": TEXT,
    "merchant_id": UUID_,
    "reference_type": TEXT,
    "reference_id": TEXT,
    "correlation_id": TEXT,
    "conflicts_with_id": UUID_,
    "first_seen_at": MOMENT,
    "last_seen_at": MOMENT,
    "count": INTEGER,
    "resolved_by": TEXT,
}
MAX_TEXT = 255
MAX_DETAIL = 4000
NO_MESSAGE = Message(queue="", name="", body=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPark:
    """One message, and why it can't be carried out; message is None for a request of our own."""

    message: Message | None
    reason: ParkReason
    field: str = ""
    detail: str = ""
    correlation_id: str = ""
    merchant_id: UUID | None = None
    conflicts_with: UUID | None = None


def park(messages: Sequence[ToPark]) -> None:
    """Store messages in a transaction of their own."""
    with atomic():
        park_rows(messages, now=dialect.current().clock())


def park_rows(messages: Sequence[ToPark], *, now: datetime) -> None:
    """Store messages within the caller's transaction, and count them once that is committed.

    A replay that is parked again goes to its own row. A redelivered copy of a replay that was followed by another one
    says nothing new of its row.
    """
    replays = _replays(messages)
    rows: dict[str, dict[str, Any]] = {}
    for message in messages:
        replay = replays.get(id(message))
        if replay and replay.is_stale:
            continue
        row = _row(message, now)
        if replay:
            row["fingerprint"] = replay.fingerprint
        row["count"] += rows.get(row["fingerprint"], {"count": 0})["count"]
        rows[row["fingerprint"]] = row
    _upsert(rows)
    note_outcomes([(_named(parked), _outcome(parked)) for parked in messages], now=now)
    if messages:  # robust: a figure that can't be written is logged, and undoes nothing
        on_commit(lambda: metrics.count_parked(parked.reason for parked in messages), robust=True)


def _replays(messages: Sequence[ToPark]) -> dict[int, Replay]:
    """The replays among messages, by the messages' identities. An item of a replayed consume_many is a message anew."""
    named = {id(parked): read(name) for parked in messages if (name := _named(parked)) and "/" not in name}
    known = replays_of(name[0] for name in named.values() if name)
    return {key: known[name[0]] for key, name in named.items() if name and name[0] in known}


def _named(parked: ToPark) -> str:
    return replay_in(parked.message.headers) if parked.message else ""


def _outcome(parked: ToPark) -> Outcome:
    reason = ": ".join(_storable(part) for part in (str(parked.reason), parked.field, parked.detail) if part)
    return Outcome(Status.PARKED, reason=reason[:MAX_DETAIL])


def _upsert(rows: Mapping[str, Mapping[str, Any]]) -> None:
    if not rows:
        return
    latest = ("state", "reason", "field", "detail", "conflicts_with_id", "last_seen_at")
    changes = ", ".join(f"{name} = excluded.{name}" for name in latest)
    changes += ", merchant_id = COALESCE(excluded.merchant_id, credit_parked.merchant_id)"
    insert_rows(
        "credit_parked",
        PARKED,
        rows_of_mappings([rows[fingerprint] for fingerprint in sorted(rows)], PARKED),
        on_conflict=f"(fingerprint) DO UPDATE SET count = credit_parked.count + excluded.count, {changes}",
    )


def resolved_before(moment: datetime) -> int:
    """How many messages were replayed or dismissed before a moment."""
    return _resolved(moment).count()


def prune_resolved(*, older_than: datetime, limit: int) -> int:
    """Delete up to `limit` messages that were replayed or dismissed before a moment; how many they were."""
    oldest = _resolved(older_than).order_by("id").values_list("id", flat=True)[:limit]
    _, deleted = ParkedMessage.objects.filter(id__in=list(oldest)).delete()
    return deleted.get(ParkedMessage._meta.label, 0)  # what was done about them goes with them


def _resolved(moment: datetime) -> QuerySet[ParkedMessage]:
    return ParkedMessage.objects.exclude(state=ParkedMessage.State.PARKED).filter(resolved_at__lt=moment)


def _row(parked: ToPark, now: datetime) -> dict[str, Any]:
    message = parked.message or NO_MESSAGE
    claim = claim_in(message)
    return {
        **storable(message.without(UNTOLD).as_text()),  # sent again, it is decided anew
        "fingerprint": message.fingerprint if parked.message else str(new_id()),
        "state": "parked",
        "reason": parked.reason,
        "field": _storable(parked.field)[:MAX_TEXT],
        "detail": _storable(parked.detail)[:MAX_DETAIL],
        "merchant_id": parked.merchant_id,
        "reference_type": claim[0],
        "reference_id": claim[1],
        "correlation_id": _storable(parked.correlation_id)[:MAX_TEXT],
        "conflicts_with_id": parked.conflicts_with,
        "first_seen_at": now,
        "last_seen_at": now,
        "count": 1,
        "resolved_by": "",
    }


def storable(message: Mapping[str, str]) -> dict[str, str]:
    """A message's columns with its names cut and cleaned so that any database takes them; nothing of its body."""
    return {
        **message,
        "queue": _storable(message["queue"])[:MAX_TEXT],
        "name": _storable(message["name"])[:MAX_TEXT],
    }


def _storable(text: str) -> str:
    """The text without what a text column can't hold: NUL, lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
