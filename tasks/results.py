"""Results, and what follows a task: where they can't be told or sent, nothing changes of what was carried out.

As Celery stands, a command that is posted would be told as failed, or its message never be acknowledged, and what was
to follow would be lost. Where something follows, the message comes again, and has it sent then (tasks/handing.py).
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import structlog
from amqp.exceptions import AMQPError
from celery.exceptions import Reject
from celery.states import PENDING, REVOKED
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

Errors = tuple[type[Exception], ...]
HANDED = "handed"  # in Celery's request, what the strategy hands to the task: tasks/handing.py
NOT_SENT: Errors = (OperationalError, AMQPError)  # the broker is away, or refuses
REDIS_ALONE_HAS = "_chord_claim_extend_script"
DONE = (b"done", "done")  # Celery's mark that a chord's body was started


class Untold(Reject):
    """What follows a task that was carried out can't be told, or sent, now."""

    def __init__(self, why: str) -> None:
        super().__init__(why, requeue=True)


def lasting(backend: Any) -> Any:
    """A backend of results that fails no task: a result that it can't store is told to nobody.

    Where a part of a chord can't be told, or an errback not be sent, it raises Untold.
    """
    backend.store_result = _or_nobody(backend.store_result)
    backend.on_chord_part_return = _or_nobody(_part(backend))
    backend._call_task_errbacks = _or_nobody(_errbacks(backend._call_task_errbacks))
    backend._fail_chain = partial(type(backend)._fail_chain, Unaware(backend))
    return backend


class Unaware:
    """A backend as Celery is to see it where it fails what stands behind a task in its chain.

    It would leave out a part of a chord whose failure is stored. That may be all that was done: twice told counts once.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def get_state(self, task_id: str) -> str:
        """Nothing is known of it."""
        return PENDING


def _or_nobody(tell: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(tell)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return tell(*args, **kwargs)
        except Reject:
            raise
        except Exception as error:
            log.warning("a result is told to nobody", error=f"{type(error).__name__}: {error}")
            return None

    return told


def _part(backend: Any) -> Callable[..., Any]:
    """Tell a part of a chord. Raises Untold where the results are away, or the chord's body may not be started yet."""
    tell = backend.on_chord_part_return
    has_claims = hasattr(type(backend), REDIS_ALONE_HAS)

    @wraps(tell)
    def told(request: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        if state == REVOKED:  # dropped as it arrives
            return tell(request, state, *args, **kwargs)
        try:
            answer = tell(request, state, *args, **kwargs)
            is_claimed = has_claims and _is_claimed(backend, request.group)
        except Exception as error:
            from tasks.redis_errors import passes  # noqa: PLC0415  (redis is a tenth of what a start takes)

            if not passes(error):
                raise
            raise Untold(f"a part of a chord: {type(error).__name__}: {error}") from error
        if is_claimed:
            raise Untold("a part of a chord: another one starts its body, unless it was killed")
        return answer

    return told


def _is_claimed(backend: Any, group: Any) -> bool:
    """Whether a part of a chord has said that it starts the body, and not yet that it has."""
    if not group:
        return False
    claim, size = backend.client.mget(*(backend.get_key_for_group(group, key) for key in (".c", ".s")))
    return size is not None and claim is not None and claim not in DONE


def _errbacks(tell: Callable[..., Any]) -> Callable[..., Any]:
    """Send errbacks. Raises Untold where that can't be done, and a message is there: a chord's body came by none."""

    @wraps(tell)
    def told(request: Any, *args: Any) -> Any:
        try:
            return tell(request, *args)
        except NOT_SENT as error:
            if HANDED not in vars(request):
                raise
            raise Untold(f"an errback: {error}") from error

    return told
