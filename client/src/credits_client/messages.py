"""The message: a command or plain event as bytes and headers, the same however often it is sent."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from credits_client.commands import Command
from credits_client.errors import FieldRefused
from credits_client.events import PlainEvent
from credits_client.routes import EVENTS_EXCHANGE, Route, command_route, event_route
from credits_client.tracing import trace_headers

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
PERSISTENT = 2

# The third part of a protocol-2 body: nothing follows the task.
_NO_FOLLOW_UPS = b',{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'


@dataclass(frozen=True, slots=True)
class TaskHeaders:
    """The headers that all messages of one task and sender share, so that they need packing only once."""

    task: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        """The headers of task message protocol 2 but for id and root_id."""
        return {
            "lang": "py",
            "task": self.task,
            "shadow": None,
            "eta": None,
            "expires": None,
            "group": None,
            "group_index": None,
            "retries": 0,
            "timelimit": [None, None],
            "parent_id": None,
            "argsrepr": "()",
            "origin": self.origin,
            "ignore_result": True,
        }


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to be sent and to be sent again.

    correlation_id is the AMQP property, which for a task is its id.
    """

    route: Route
    message_id: str
    body: bytes
    task_headers: TaskHeaders | None = None
    own_headers: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str | None = None

    @property
    def headers(self) -> dict[str, Any]:
        """All its headers."""
        shared = {} if self.task_headers is None else self.task_headers.as_dict()
        return {**shared, **self.own_headers}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, and through which exchange its plain events go."""

    source_service: str
    events_exchange: str = EVENTS_EXCHANGE

    def message(self, what: Command | PlainEvent, *, message_id: UUID | str | None = None) -> Message:
        """The command or event as a message, under a fresh id where none is given. Raises FieldRefused."""
        identity = _identity(message_id)
        if isinstance(what, Command):
            return _task_message(what, identity, headers=_task_headers(what.task, self.source_service))
        return _event_message(what, identity, sender=self)


def _identity(message_id: UUID | str | None) -> str:
    if message_id is None:
        return str(uuid4())
    try:
        return str(message_id if isinstance(message_id, UUID) else UUID(message_id))
    except (AttributeError, TypeError, ValueError):
        raise FieldRefused("message", (("message_id", "must be a UUID"),)) from None


def _task_message(command: Command, message_id: str, *, headers: TaskHeaders) -> Message:
    """A Celery task message, protocol 2. Nobody's result is asked for: that needs a Celery application."""
    own_headers = {"id": message_id, "root_id": message_id, **trace_headers()}
    if command.correlation_id is not None:
        own_headers["correlation_id"] = command.correlation_id
    return Message(
        route=command_route(command.task),
        message_id=message_id,
        body=b"[[]," + _json(fields_of(command), label=command.task) + _NO_FOLLOW_UPS,
        task_headers=headers,
        own_headers=own_headers,
        correlation_id=message_id,
    )


def _event_message(event: PlainEvent, message_id: str, *, sender: Sender) -> Message:
    """The platform's envelope."""
    data = fields_of(event)
    envelope = {
        "event_id": message_id,
        "event_type": event.event_type,
        "correlation_id": data.pop("correlation_id", message_id),
        "source_service": sender.source_service,
        "timestamp": _rfc3339(datetime.now(UTC)),
        "data": data,
    }
    return Message(
        route=event_route(event.event_type, exchange=sender.events_exchange),
        message_id=message_id,
        body=_json(envelope, label=event.event_type),
        own_headers=trace_headers(),
    )


def fields_of(checked: Command | PlainEvent) -> dict[str, Any]:
    """Its fields, as they stand in the message: without those that were left open."""
    return {name: value for name, value in checked if value is not None}


def plain_fields(checked: Command | PlainEvent) -> dict[str, Any]:
    """The same as plain JSON values."""
    fields: dict[str, Any] = json.loads(_json(fields_of(checked), label=checked.label()))
    return fields


def _json(value: Any, *, label: str) -> bytes:
    """The value as compact JSON; raises FieldRefused where metadata was changed after it was checked."""
    try:
        return _encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FieldRefused(label, (("metadata", f"was changed after it was checked: {error}"),)) from None


def _as_json(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return _rfc3339(value)
    if isinstance(value, Command):
        return fields_of(value)
    raise TypeError(f"{type(value).__name__} is not plain JSON")


def _rfc3339(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"  # every moment here is in UTC


_encode = json.JSONEncoder(default=_as_json, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@lru_cache(maxsize=128)
def _task_headers(task: str, source_service: str) -> TaskHeaders:
    return TaskHeaders(task, origin=f"{source_service}@{socket.gethostname()}")
