"""Parking: stores what can't be carried out, for as long as it takes, then logs it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import structlog
from celery.exceptions import Reject

from ledger.errors import Trouble
from ledger.journal.keeping import Kept, keep
from ledger.journal.parking import NO_MESSAGE, ToPark, park
from ledger.journal.surely import through_trouble
from ledger.outcomes import ParkReason
from tasks.shutdown import pause

log = structlog.get_logger("credits")

MOST_BYTES_AT_ONCE = 8 * 1024 * 1024  # of bodies in one statement; a single message may have more


def store_parked(messages: Sequence[ToPark]) -> None:
    """Store messages, each for good or none of them. Raises Trouble where the worker is told to stop meanwhile.

    One that the database refuses holds up none of the others: it is found by halving, and stored without its body.
    """
    if not messages:
        return
    _halving(messages)
    for parked in messages:
        log.warning(
            "message parked",
            name=parked.message and parked.message.name,
            queue=parked.message and parked.message.queue,
            reason=str(parked.reason),
            field=parked.field,
            correlation_id=parked.correlation_id,
        )


def store_or_give_back(message: ToPark | Kept) -> None:
    """Store a message of a task that failed, or that is to come again.

    Raises Reject where that can't be done either: then it goes back to its queue.
    """
    try:
        if isinstance(message, Kept):
            store_kept([message])
        else:
            store_parked([message])
    except Exception as error:
        if not isinstance(error, Trouble):
            log.exception("a message can't be stored, it goes back to the broker")
        raise Reject(f"it can't be stored: {error}", requeue=True) from error


def store_kept(messages: Sequence[Kept]) -> None:
    """Keep messages until they are due; one that the database refuses is parked. Raises Trouble like store_parked."""
    if not messages:
        return
    try:
        through_trouble(lambda: keep(messages), pause=pause)
    except Trouble:
        raise
    except Exception as error:
        if len(messages) == 1:
            store_parked([_refused(messages[0], error)])
            return
        log.warning("messages could not be kept, looking for the guilty one", size=len(messages), exc_info=True)
        middle = len(messages) // 2
        store_kept(messages[:middle])
        store_kept(messages[middle:])


def _refused(kept: Kept, error: Exception) -> ToPark:
    detail = f"{type(error).__name__}: {error}".strip()
    return ToPark(message=kept.message, reason=ParkReason.DEFECT, detail=detail, correlation_id=kept.correlation_id)


def _halving(messages: Sequence[ToPark]) -> None:
    """Store messages, so many megabytes at once; in halves where the database refuses them together."""
    try:
        if len(messages) == 1 or _size(messages) <= MOST_BYTES_AT_ONCE:
            through_trouble(lambda: park(messages), pause=pause)
            return
    except Trouble:
        raise
    except Exception as error:
        log.warning("messages could not be parked, looking for the guilty one", size=len(messages), exc_info=True)
        if len(messages) == 1:
            left = _without_body(messages[0], error)
            through_trouble(lambda: park([left]), pause=pause)
            return
    middle = len(messages) // 2
    _halving(messages[:middle])
    _halving(messages[middle:])


def _size(messages: Sequence[ToPark]) -> int:
    return sum(len(parked.message.body) for parked in messages if parked.message)


def _without_body(parked: ToPark, error: Exception) -> ToPark:
    """What can be stored of a message that the database refuses to: why, its size, and its body's digest."""
    message = parked.message or NO_MESSAGE
    digest = hashlib.sha256(message.body).hexdigest()
    detail = (
        f"the database refused the message ({type(error).__name__}), so its body is not here: "
        f"{len(message.body)} bytes, SHA-256 {digest}. {parked.detail}"
    )
    left = replace(message, body=digest.encode(), headers={}, properties={})
    return replace(parked, message=left, reason=ParkReason.DEFECT, detail=detail)
