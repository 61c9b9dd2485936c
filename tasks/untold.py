"""Untold: a message that was carried out, and comes again because what follows it could not be told.

It says itself, by a header that we sign, what it came to: so it is decided once, whatever has become of its command,
its account or its time since, and nothing is left to do but to tell it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core import signing

from ledger.journal.keeping import Kept
from ledger.journal.parking import ToPark
from ledger.messages import UNTOLD, Message
from ledger.outcomes import ParkReason
from tasks.errors import CommandParked
from tasks.reading import correlation_id_of

# When it comes again the first time, twice as late each time, and at the latest. Then it is parked.
FIRST = timedelta(seconds=8)
LATEST = timedelta(minutes=15)
MOST_DOUBLINGS = 10
MOST_TIMES = 100  # which take a day
MOST_BYTES = 64 * 1024  # of the header: AMQP's frame has 128 KiB for all of them
SALT = "credits.untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameTo:
    """What a message came to, as its caller is told it, and how often what follows could not be told."""

    outcome: dict[str, Any]
    is_failure: bool = False
    times: int = 0

    def tell(self) -> dict[str, Any]:
        """The outcome. Raises CommandParked, carrying it, where it is a failure."""
        if self.is_failure:
            raise CommandParked(self.outcome)
        return self.outcome


def came_to_in(headers: Mapping[str, Any]) -> CameTo | None:
    """What a message with these headers came to before; None where it comes for the first time."""
    signed = headers.get(UNTOLD)
    if not isinstance(signed, str):
        return None
    try:
        id_, outcome, is_failure, times = signing.loads(signed, salt=SALT)
    except (signing.BadSignature, ValueError):  # the latter of what can't be encoded
        return None
    return CameTo(outcome=outcome, is_failure=is_failure, times=times) if id_ == headers.get("id") else None


def later(message: Message, came_to: CameTo, why: str) -> Kept | ToPark | None:
    """What to store of a message that came to this, so that it comes again: on its queue it would be in others' way.

    After a day it is parked; one that is parked already stays as it is.
    """
    times = came_to.times + 1
    correlation_id = correlation_id_of(message)
    if times <= MOST_TIMES:
        signed = _signed(message, came_to.outcome, came_to.is_failure, times)
        if len(signed) > MOST_BYTES:  # of many items: what follows is told no more than whether all are posted
            signed = _signed(message, {"status": came_to.outcome.get("status")}, came_to.is_failure, times)
        return Kept(
            message=replace(message, headers={**message.headers, UNTOLD: signed}),
            correlation_id=correlation_id,
            due_at=datetime.now(UTC) + min(LATEST, FIRST * 2 ** min(times - 1, MOST_DOUBLINGS)),
        )
    if came_to.is_failure:
        return None
    detail = f"it came to {came_to.outcome.get('status')}; what follows could not be told {MOST_TIMES} times: {why}"
    return ToPark(message=message, reason=ParkReason.UNDELIVERABLE, detail=detail, correlation_id=correlation_id)


def _signed(message: Message, *what: Any) -> str:
    return signing.dumps([message.headers.get("id"), *what], salt=SALT, compress=True)
