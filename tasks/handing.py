"""Handing on: what goes Celery's own way gets there as it was read, and is stored before Celery acknowledges it.

Celery takes whatever stands in a message's headers, and beside its links, for what it knows of the request itself: a
sender could have links started that nobody has read, or make it fail before the task is run, or never acknowledge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from celery import Task
from kombu.message import Message as BrokerMessage
from kombu.utils.json import dumps

from ledger.journal.parking import ToPark
from ledger.messages import Message
from ledger.outcomes import ParkReason
from tasks.errors import Refusal
from tasks.parking import store_parked

log = structlog.get_logger(__name__)

HANDED = "handed"
# What Celery is told of the sender's headers, where it is of this type: ids, and what logs and monitors show.
HEADERS: dict[str, type] = {
    "root_id": str,
    "parent_id": str,
    "group": str,
    "group_index": int,
    "ignore_result": bool,
    "retries": int,
    "origin": str,
    "shadow": str,
    "argsrepr": str,
    "kwargsrepr": str,
}
Trace = Callable[..., tuple[Any, Any, Any, Any]]


@dataclass(slots=True)
class Handed:
    """A message that was read, for the task that Celery carries it out by; fields are its keyword arguments."""

    whole: Message
    fields: Any
    refusal: Refusal | None
    arrived_on: Any
    is_run: bool = False  # from then on the task itself sees to it that the message is stored, or given back


def encoded(links: dict[str, Any]) -> str:
    """The body for Celery: links, and no argument. Raises ValueError where it can't be written."""
    try:
        return dumps([[], {}, links])
    except (RecursionError, TypeError) as error:
        raise ValueError(f"a link can't be written: {error}") from None


def hand_on(message: BrokerMessage, handed: Handed, *, body: str) -> None:
    """Make a message of the broker's what Celery is to see of it."""
    message.body, message.content_type, message.content_encoding = body, "application/json", "utf-8"
    message._decoded_cache = None
    headers = message.headers
    message.headers = {
        **{name: value for name, kind in HEADERS.items() if type(value := headers.get(name)) is kind},
        "task": handed.whole.name,
        "id": headers["id"],
        HANDED: handed,
    }


def handed_to(task: Task) -> Handed | None:
    """What was handed to the task that is being run; None where it was called otherwise."""
    return _handed_in(task.request.get(HANDED))


def handed_with(message: BrokerMessage) -> Handed | None:
    """What a message was made into, if it was."""
    return _handed_in(message.headers.get(HANDED)) if isinstance(message.headers, dict) else None


def stored(trace: Trace) -> Trace:
    """Celery's tracer of a task, which may fail before the task is run or of telling who waits for it.

    It is acknowledged all the same: once it is parked, or with the outcome that is stored already.
    """

    def traced(uuid: str, args: Any, kwargs: Any, request: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        handed = _handed_in(request.get(HANDED))
        why = "Celery has not run it"
        try:
            answer = trace(uuid, args, kwargs, request)
        except Exception as error:
            log.exception("who waits for a task is not told what became of it", id=uuid)
            answer, why = (None, None, None, ""), f"{type(error).__name__}: {error}"
        if handed and not handed.is_run:
            store_parked([ToPark(message=handed.whole, reason=ParkReason.DEFECT, detail=why)])
        return answer

    return traced


def _handed_in(value: Any) -> Handed | None:
    return value if isinstance(value, Handed) else None
