"""Results, and what follows a task: where they can't be told or sent, nothing changes of what was carried out.

As Celery stands, a command that is posted would be told as failed, or its message never be acknowledged, and what was
to follow would be lost. Where something follows, the message is given back: it comes again, and has it sent then.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from amqp.exceptions import AMQPError
from celery.exceptions import Reject
from celery.states import REVOKED
from kombu.exceptions import OperationalError
from redis import exceptions as of_redis

log = structlog.get_logger(__name__)

Errors = tuple[type[Exception], ...]
HANDED = "handed"  # in Celery's request, what the strategy hands to the task: tasks/handing.py
NOT_SENT: Errors = (OperationalError, AMQPError)  # the broker is away, or refuses
AWAY: Errors = (OSError, of_redis.RedisError, *NOT_SENT)  # the results are away, or refuse
# What one message's own ids make Redis refuse, as often as it comes: a key that is there and of another type.
FOR_GOOD = "WRONGTYPE"


def lasting(backend: Any) -> Any:
    """A backend of results that fails no task: a result that it can't store is told to nobody.

    Where a part of a chord can't be told, or an errback not be sent, it raises Reject.
    """
    backend.store_result = _or_nobody(backend.store_result)
    backend.on_chord_part_return = _or_nobody(_or_again(backend.on_chord_part_return, AWAY))
    backend._call_task_errbacks = _or_nobody(_or_again(backend._call_task_errbacks, NOT_SENT, of_messages_alone=True))
    return backend


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


def _or_again(tell: Callable[..., Any], errors: Errors, *, of_messages_alone: bool = False) -> Callable[..., Any]:
    """Raise Reject instead: the message comes again. A chord's body, which may have errbacks, came by none."""

    @wraps(tell)
    def told(request: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return tell(request, state, *args, **kwargs)
        except errors as error:
            is_dropped = state == REVOKED  # as it arrives
            comes_again = HANDED in vars(request) or not of_messages_alone
            if is_dropped or not comes_again or str(error).startswith(FOR_GOOD):
                raise
            raise Reject(f"what follows can't be told: {error}", requeue=True) from error

    return told
