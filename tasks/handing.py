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
from ledger.outcomes import ParkReason, Status
from tasks.errors import Refusal
from tasks.parking import store_or_give_back
from tasks.results import HANDED, Untold
from tasks.untold import CameTo, later

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
MAX_NUMBER = 2**31  # below it, as of a link's: what follows may be told to a server that knows no others
# Of a task that fails of anything unforeseen.
FAILED = CameTo(outcome={"status": Status.PARKED, "reason": ParkReason.DEFECT}, is_failure=True)
Answer = tuple[Any, Any, Any, Any]
Trace = Callable[..., Answer]


@dataclass(slots=True)
class Handed:
    """A message that was read, for the task that Celery carries it out by; fields are its keyword arguments."""

    whole: Message
    fields: Any
    refusal: Refusal | None
    arrived_on: Any
    came_to: CameTo | None = None  # once it is carried out, be it before it came again
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
        **{name: value for name, kind in HEADERS.items() if _is_sound(value := headers.get(name), kind)},
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

    The message is acknowledged with its outcome stored, or parked, or kept to come again, or it goes back to its queue.
    """

    def traced(uuid: str, args: Any, kwargs: Any, request: dict[str, Any]) -> Answer:
        try:
            return _carried_out(trace, uuid, args, kwargs, request)
        except Reject as reject:
            return ExceptionInfo(internal=True), TraceInfo(REJECTED, reject), None, ""

    return traced


def _carried_out(trace: Trace, uuid: str, args: Any, kwargs: Any, request: dict[str, Any]) -> Answer:
    """What Celery's tracer answers of a task. Raises Reject where its message goes back to its queue."""
    handed = _handed_in(request.get(HANDED))
    if handed is None:
        return trace(uuid, args, kwargs, request)
    failed_of = ""
    answer: Answer = (None, None, None, "")
    try:
        answer = trace(uuid, args, kwargs, request)
    except Untold as untold:
        log.warning("what follows a task can't be told", id=uuid, why=str(untold.reason))
        if left := later(handed.whole, handed.came_to or FAILED, str(untold.reason)):
            store_or_give_back(left)
        return answer
    except Reject:
        raise
    except Exception as error:
        log.exception("who waits for a task is not told what became of it", id=uuid)
        failed_of = f": {type(error).__name__}: {error}"
    if not handed.is_run:
        detail = f"Celery has not run it{failed_of}"
        store_or_give_back(ToPark(message=handed.whole, reason=ParkReason.DEFECT, detail=detail))
    return answer


def _handed_in(value: Any) -> Handed | None:
    return value if isinstance(value, Handed) else None


def _is_sound(value: Any, kind: type) -> bool:
    return type(value) is kind and (not isinstance(value, int) or 0 <= value < MAX_NUMBER)
