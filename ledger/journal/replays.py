"""Replays: what became of parked messages that staff sent again, noted in the database transaction that decided it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.transaction import atomic

from ledger import dialect
from ledger.dialect import BOOLEAN, INTEGER, MOMENT, TEXT, UUID_, Columns
from ledger.fields import MAX_ITEMS
from ledger.journal.inserting import insert_rows, rows_of_mappings
from ledger.models import ParkedAct
from ledger.outcomes import Outcome, Status

OUTCOME: Columns = {
    "replay_id": UUID_,
    "item": INTEGER,
    "status": TEXT,
    "reason": TEXT,
    "transaction_id": UUID_,
    "repeated": BOOLEAN,
    "decided_at": MOMENT,
}
NOT_FINAL = (Status.WAITING, Status.PARKED)  # a copy of the replay, or the same row later, may go on from there
DONE = "carried out; no credits were to move"
Named = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Replay:
    """Which parked message was sent again; a later replay of it has made this one stale."""

    fingerprint: str
    is_stale: bool


def read(replay: str) -> Named | None:
    """The replay's id and the item's number; None where the text names no replay, as a forged one may not."""
    id_, _, item = replay.partition("/")
    try:
        named = UUID(id_), int(item or 0)
    except ValueError:
        return None
    return named if 0 <= named[1] < MAX_ITEMS else None


def replays_of(ids: Iterable[UUID]) -> Mapping[UUID, Replay]:
    """Those of these replays that there are."""
    wanted = set(ids)
    if not wanted:
        return {}
    later = ParkedAct.objects.filter(parked=OuterRef("parked"), id__gt=OuterRef("id"), what=ParkedAct.What.REPLAYED)
    acts = ParkedAct.objects.filter(id__in=wanted, what=ParkedAct.What.REPLAYED).annotate(is_stale=Exists(later))
    rows = acts.values_list("id", "parked__fingerprint", "is_stale")
    return {id_: Replay(fingerprint, is_stale) for id_, fingerprint, is_stale in rows}


def note_outcomes(decided: Sequence[tuple[str, Outcome]], *, now: datetime) -> None:
    """Note what became of replays, within the caller's transaction. What names no replay of ours is passed over.

    The first final outcome stays: a redelivered copy of a replay finds its reference held by that very replay.
    """
    named = [(read(replay), outcome) for replay, outcome in decided if replay]
    latest: dict[Named, Outcome] = {}
    for name, outcome in named:
        if name and (name not in latest or latest[name].status in NOT_FINAL):
            latest[name] = outcome
    known = replays_of(id_ for id_, _ in latest)
    rows = [_row(name, latest[name], now) for name in sorted(latest) if name[0] in known]
    if not rows:
        return
    changes = ", ".join(f"{name} = excluded.{name}" for name in OUTCOME if name not in ("replay_id", "item"))
    open_ones = ", ".join(f"'{status}'" for status in NOT_FINAL)
    insert_rows(
        "credit_replay_outcomes",
        OUTCOME,
        rows_of_mappings(rows, OUTCOME),
        on_conflict=f"(replay_id, item) DO UPDATE SET {changes} WHERE credit_replay_outcomes.status IN ({open_ones})",
    )


def note_done(replay: str) -> None:
    """Note, in a transaction of its own, that a replay was carried out that no request of the ledger came of."""
    with atomic():
        note_outcomes([(replay, Outcome(Status.UNCHANGED, reason=DONE))], now=dialect.current().clock())


def _row(name: Named, outcome: Outcome, now: datetime) -> dict[str, Any]:
    return {
        "replay_id": name[0],
        "item": name[1],
        "status": outcome.status,
        "reason": outcome.reason or "",
        "transaction_id": outcome.transaction_id,
        "repeated": outcome.replayed,
        "decided_at": now,
    }
