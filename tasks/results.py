"""Results: who waits for a task is told, and where that can't be done, nothing changes of what was carried out.

As Celery stands, a command that is posted would be told as failed, or its message never be acknowledged.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from celery.exceptions import Reject

from tasks.shutdown import PAUSE_S, pause

log = structlog.get_logger(__name__)


def lasting(backend: Any) -> Any:
    """A backend of results that fails no task: a result that it can't store is told to nobody.

    A part of a chord is told again, for the chord's body is still to be started: its message goes back to its queue.
    """
    away = getattr(backend, "connection_errors", (OSError,))
    backend.store_result = _never_failing(backend.store_result)
    backend.on_chord_part_return = _never_failing(backend.on_chord_part_return, again_where=away)
    return backend


def _never_failing(tell: Callable[..., Any], *, again_where: tuple[type[Exception], ...] = ()) -> Callable[..., Any]:
    @wraps(tell)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return tell(*args, **kwargs)
        except again_where as error:
            pause(PAUSE_S)
            raise Reject(f"its part of a chord can't be told: {error}", requeue=True) from error
        except Exception as error:
            log.warning("a result is told to nobody", error=f"{type(error).__name__}: {error}")
            return None

    return told
