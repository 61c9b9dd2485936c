"""Handing on: what goes Celery's own way gets there as it was read, and is stored before Celery acknowledges it.

Celery takes whatever stands in a message's headers, and beside its links, for what it knows of the request itself: a
sender could have links started that nobody has read, or make it fail before the task is run, or never acknowledge.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import structlog
from billiard.einfo import ExceptionInfo
from celery import Task
from celery.app.trace import TraceInfo
from celery.exceptions import Reject
from celery.states import REJECTED
from kombu.message import Message as BrokerMessage
from kombu.utils.json import dumps

from ledger.journal.parking import ToPark
from ledger.messages import Message
from ledger.outcomes import ParkReason
from tasks.errors import Refusal
from tasks.parking import store_or_give_back
from tasks.results import HANDED

log = structlog.get_logger(__name__)

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
Answer = tuple[Any, Any, Any, Any]
Trace = Callable[..., Answer]


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


def as_handed(message: BrokerMessage, handed: Handed, *, body: str) -> BrokerMessage:
    """A message of the broker's as Celery is to see it; the broker gets it back as it came."""
    seen = copy(message)
    seen.body, seen.content_type, seen.content_encoding = body, "application/json", "utf-8"
    seen._decoded_cache = None
    headers = message.headers
    seen.headers = {
        **{name: value for name, kind in HEADERS.items() if type(value := headers.get(name)) is kind},
        "task": handed.whole.name,
        "id": headers["id"],
        HANDED: handed,
    }
    return seen


def handed_to(task: Task) -> Handed | None:
    """What was handed to the task that is being run; None where it was called otherwise."""
    return _handed_in(task.request.get(HANDED))


def stored(trace: Trace) -> Trace:
    """Celery's tracer of a task, which may fail before the task is run, or of what follows it.

    The message is acknowledged with its outcome stored, or parked, or it goes back to its queue.
    """

    def traced(uuid: str, args: Any, kwargs: Any, request: dict[str, Any]) -> Answer:
        handed, failed_of = _handed_in(request.get(HANDED)), ""
        try:
            answer = trace(uuid, args, kwargs, request)
        except Reject as reject:
            return _given_back(reject)
        except Exception as error:
            if handed is None:
                raise
            log.exception("who waits for a task is not told what became of it", id=uuid)
            answer, failed_of = (None, None, None, ""), f": {type(error).__name__}: {error}"
        if handed and not handed.is_run:
            try:
                detail = f"Celery has not run it{failed_of}"
                store_or_give_back(ToPark(message=handed.whole, reason=ParkReason.DEFECT, detail=detail))
            except Reject as reject:
                return _given_back(reject)
        return answer

    return traced


def _given_back(reject: Reject) -> Answer:
    """Celery's answer of a task that rejects its message."""
    try:
        raise reject
    except Reject:
        return ExceptionInfo(internal=True), TraceInfo(REJECTED, reject), None, ""


def _handed_in(value: Any) -> Handed | None:
    return value if isinstance(value, Handed) else None
