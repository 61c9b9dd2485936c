"""Outgoing messages: an outbox row as what is put on the broker, whichever broker that is."""

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from celery import Celery
from pydantic_core import to_json

from ledger.follow_ups import Destination
from ledger.journal.outbox import Recorded
from ledger.messages import SENT_FOR, Message
from tasks.deliveries import SENT_AS
from tasks.producers import vouched_for


class Outgoing(NamedTuple):
    """A message to publish. id tells its confirm; must_arrive: whether it is a failure that nobody is bound for it."""

    id: UUID
    exchange: str
    routing_key: str
    body: bytes
    must_arrive: bool
    headers: Mapping[str, Any] = MappingProxyType({})
    properties: Mapping[str, Any] = MappingProxyType({})


def outgoing(app: Celery, row: Recorded) -> Outgoing:
    """The message that an outbox row becomes."""
    return _BUILDERS[row.destination](app, row)


def follow_up(app: Celery, name: str, *, id: UUID, task_id: str, envelope: Mapping[str, Any]) -> Outgoing:
    """A task of our own that carries an event's envelope, straight to its queue."""
    message = app.amqp.as_task_v2(task_id, name, kwargs={"envelope": envelope}, ignore_result=True, root_id=task_id)
    return Outgoing(
        id=id,
        exchange="",
        routing_key=app.conf.task_routes[name]["queue"],
        body=json.dumps(message.body).encode(),
        must_arrive=True,
        headers={**message.headers, "correlation_id": envelope["correlation_id"]},
        properties={**message.properties, "content_type": "application/json", "content_encoding": "utf-8"},
    )


def event(app: Celery, *, id: UUID, envelope: Mapping[str, Any]) -> Outgoing:
    """A published event (docs/contract.md §3); nobody being bound for it is no error."""
    correlation_id = envelope["correlation_id"]
    return Outgoing(
        id=id,
        exchange=_exchange_of_events(app),
        routing_key=envelope["event_type"],
        body=to_json(envelope),
        must_arrive=False,
        headers={"correlation_id": correlation_id},
        properties={
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "message_id": envelope["event_id"],
            "type": envelope["event_type"],
            "correlation_id": _short(correlation_id),
        },
    )


@cache
def _exchange_of_events(app: Celery) -> str:
    """Its name; to ask the configuration takes as long as to write the event."""
    name: str = app.conf["events"].name
    return name


def _event(app: Celery, row: Recorded) -> Outgoing:
    return event(app, id=row.id, envelope=row.body)


def _task(app: Celery, row: Recorded) -> Outgoing:
    """A follow-up task that carries the finished envelope; its id is the event's, so a repeat is the same task."""
    return follow_up(app, row.name, id=row.id, task_id=row.body["event_id"], envelope=row.body)


def _message(_: Celery, row: Recorded) -> Outgoing:
    """A stored message, sent again straight to the queue that it came from, and still its producer's."""
    message = Message.from_text(row.body)
    headers = {name: value for name, value in message.headers.items() if name not in ROUTED_BY}
    vouched = {SENT_FOR: vouched_for(message.producer, message.body)} if message.producer else {}
    return Outgoing(
        id=row.id,
        exchange="",
        routing_key=row.name,
        body=message.body,
        must_arrive=True,
        headers={**headers, SENT_AS: message.name, **vouched},
        properties=_lasting(message.properties),
    )


# Headers that RabbitMQ routes by as it does by the key: of a sender's they would count for us, who may write anywhere.
ROUTED_BY = frozenset({"CC", "BCC"})
# Properties that a stored message is sent again with. The others are the broker's (expiration, user_id), the
# transport's, or of the way that the first publishing took (delivery_mode, timestamp).
SENT_AGAIN = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "message_id",
    "type",
    "app_id",
    "priority",
)
MAX_PRIORITY = 255
MAX_SHORT_BYTES = 255  # of a text among AMQP's properties


def _lasting(properties: Mapping[str, Any]) -> dict[str, Any]:
    lasting = {name: properties[name] for name in SENT_AGAIN if properties.get(name) is not None}
    priority = lasting.get("priority")
    if type(priority) is not int or not 0 <= priority <= MAX_PRIORITY:
        lasting.pop("priority", None)
    return lasting


def _short(text: str) -> str | None:
    """The text where it fits into a property: ours have up to 255 characters, but the broker counts bytes."""
    return text if len(text.encode()) <= MAX_SHORT_BYTES else None


_BUILDERS = {Destination.EVENT: _event, Destination.TASK: _task, Destination.MESSAGE: _message}
