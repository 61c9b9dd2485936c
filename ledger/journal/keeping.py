"""Keeping: messages whose time has not come, and which must be sent again whole when it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db.transaction import atomic

from ledger import dialect
from ledger.claims import claim_in
from ledger.journal.replays import note_outcomes
from ledger.journal.waiting import insert_waiting
from ledger.messages import UNTOLD, Message, replay_in
from ledger.outcomes import Outcome, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that carries callbacks or asks for a result, and its eta; or what follows it is to be told then."""

    message: Message
    correlation_id: str
    due_at: datetime


def keep(messages: Sequence[Kept]) -> None:
    """Store messages until they are due; a repeat of one that is kept already changes nothing."""
    with atomic():
        now = dialect.current().clock()
        insert_waiting([_row(kept, now) for kept in messages])
        undecided = [kept.message.headers for kept in messages if UNTOLD not in kept.message.headers]
        note_outcomes([(replay_in(headers), Outcome(Status.WAITING)) for headers in undecided], now=now)


def _row(kept: Kept, now: datetime) -> dict[str, object]:
    fingerprint, claim = kept.message.fingerprint_of_replay, claim_in(kept.message)
    if UNTOLD in kept.message.headers:  # only what follows it is left: its command may wait beside it
        fingerprint, claim = sha256(f"{fingerprint} untold".encode()).hexdigest(), ("", "")
    return {
        "fingerprint": fingerprint,
        "merchant_id": None,
        "target_reference_type": "",
        "target_reference_id": "",
        "reference_type": claim[0],
        "reference_id": claim[1],
        "task": kept.message.name,
        "kwargs": {},
        "message": kept.message.as_text(),
        "send_again": True,
        "correlation_id": kept.correlation_id,
        "arrived_at": now,
        "due_at": kept.due_at,
        "park_at": kept.due_at,
    }
