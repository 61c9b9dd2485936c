"""Posting surely: trouble is waited out, a guilty request is found by halving and parked alone. Nothing is dropped."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.transaction import atomic

from ledger import dialect
from ledger.commands import OpenAccount
from ledger.errors import Trouble
from ledger.journal.load import Drain
from ledger.journal.parking import ToPark, park_rows
from ledger.journal.post import Posted, post_batch
from ledger.journal.trouble import is_trouble
from ledger.journal.waiting import delete_waiting, still_waiting
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.rules.batch import Waiting

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0

Pause = Callable[[float], bool]
Result = TypeVar("Result")


def post_surely(batch: Sequence[Waiting], *, pause: Pause) -> Posted:
    """Post a batch for as long as it takes; every request gets an outcome, unless another has seen to it meanwhile.

    pause waits that many seconds and returns whether to go on; where it says no, Trouble is raised and nothing of
    what is not yet posted has been changed. Order within an account is kept.
    """
    return _halving(list(batch), pause)


def post_due_on(merchants: Sequence[UUID], *, pause: Pause) -> Posted:
    """Post what is due on these merchants' accounts, for as long as the database is in trouble.

    An account on which that fails is logged and left as it is: it holds up none of the others.
    """
    try:
        return through_trouble(lambda: post_batch([], merchants=merchants), pause=pause)
    except Trouble:
        raise
    except Exception:
        if len(merchants) == 1:
            log.exception("what is due on an account can't be posted", merchant_id=str(merchants[0]))
            return Posted()
    middle = len(merchants) // 2
    return post_due_on(merchants[:middle], pause=pause) + post_due_on(merchants[middle:], pause=pause)


def through_trouble(work: Callable[[], Result], *, pause: Pause) -> Result:
    """Run work again, backing off, while the database is in trouble. Raises Trouble where pause ends it.

    Whether the connection works is not asked before: one that was cut shows by the first statement, and is closed.
    """
    seconds = FIRST_PAUSE_S
    while True:
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            if not is_trouble(error):
                _drop_if_broken()
                raise
            connection.close()
            log.warning("database in trouble, trying again", error=str(error).strip(), pause_s=seconds)
            if not pause(seconds):
                raise Trouble from error
            seconds = min(seconds * 2, LONGEST_PAUSE_S)


def _drop_if_broken() -> None:
    """Have the next statement open a new connection where this one is unusable; never within a transaction."""
    if not connection.in_atomic_block:
        close_old_connections()


def _halving(batch: list[Waiting], pause: Pause) -> Posted:
    try:
        return through_trouble(lambda: post_batch(batch), pause=pause)
    except Trouble:
        raise
    except Exception as error:
        log.warning("a batch was refused, looking for the guilty request", size=len(batch), exc_info=True)
        if len(batch) == 1:
            return _guilty(batch[0], error, pause)
    middle = len(batch) // 2
    return _halving(batch[:middle], pause) + _halving(batch[middle:], pause)


def _guilty(waiting: Waiting, error: Exception, pause: Pause) -> Posted:
    """What becomes of a request that fails alone: parked, unless it is only what waited for its account that fails."""
    if isinstance(waiting.request.command, OpenAccount):
        try:
            return through_trouble(lambda: post_batch([waiting], drain=Drain.NOTHING), pause=pause)
        except Trouble:
            raise
        except Exception as alone:
            log.warning("an account can't be opened", error=str(alone))
            error = alone
    return through_trouble(lambda: _park(waiting, error), pause=pause)


def _park(waiting: Waiting, error: Exception) -> Posted:
    with atomic(durable=True):
        left = still_waiting([waiting])
        if not left:
            return Posted()
        (waiting,) = left
        request = waiting.request
        parked = ToPark(
            message=request.message() if request.message else None,
            reason=ParkReason.DEFECT,
            detail=f"{type(error).__name__}: {error}".strip(),
            correlation_id=request.correlation_id,
            merchant_id=request.command.merchant_id,
        )
        park_rows([parked], now=dialect.current().clock())
        delete_waiting([waiting.row] if waiting.row is not None else [])
    outcome = Outcome(
        Status.PARKED,
        merchant_id=request.command.merchant_id,
        reason=f"{ParkReason.DEFECT}: {type(error).__name__}",
    )
    return Posted([outcome], decided=[(request, outcome)])
