"""The AsyncAPI 3.0 document: what is sent where, on which exchange, queue and routing key, and in what shape."""

from collections.abc import Iterable
from typing import Any

import celeryconfig
from ledger.commands import COMMANDS, ConsumeMany
from ledger.event_shapes import SHAPES
from ledger.plain_events import EVENTS

Part = dict[str, Any]
HEADERS: Part = {
    "type": "object",
    "description": "Celery's task message protocol 2, as AMQP headers; the body is [[], kwargs, {}] as JSON.",
    "required": ["id", "task"],
    "properties": {
        "lang": {"type": "string"},
        "task": {"type": "string", "description": "The task's name, which is the routing key too."},
        "id": {"type": "string", "format": "uuid", "description": "A repeat with the same id is the same message."},
        "root_id": {"type": "string"},
        "correlation_id": {"type": "string", "minLength": 1, "maxLength": 255},
        "eta": {"type": ["string", "null"], "format": "date-time"},
        "expires": {"type": ["string", "null"], "format": "date-time"},
        "ignore_result": {"type": "boolean"},
    },
}


def document() -> Part:
    """The whole document; schemas are files beside it."""
    tasks, plain, published = [*COMMANDS, ConsumeMany.task], list(EVENTS), list(SHAPES)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Credit service",
            "version": "1.0.0",
            "description": "Commands in, plain events in, events out. The contract in words: docs/contract.md.",
        },
        "defaultContentType": "application/json",
        "channels": {
            **{task: _channel(task, celeryconfig.commands, _queue_of(task)) for task in sorted(tasks)},
            **{event: _channel(event, celeryconfig.inbound, _inbound_queue_of(event)) for event in sorted(plain)},
            **{event: _channel(event, celeryconfig.events, None) for event in sorted(published)},
        },
        "operations": {
            **_operations("receive", tasks),
            **_operations("receive", plain),
            **_operations("send", published),
        },
        "components": {
            "messages": {
                **{task: _command(task) for task in sorted(tasks)},
                **{event: _message(event, f"inbound/{event}") for event in sorted(plain)},
                **{event: _message(event, f"events/{event}") for event in sorted(published)},
            },
            "schemas": {"taskHeaders": HEADERS},
        },
    }


def _channel(name: str, exchange: Any, queue: str | None) -> Part:
    binding = {
        "is": "routingKey",
        "exchange": {"name": exchange.name, "type": exchange.type, "durable": exchange.durable, "vhost": "/"},
        "bindingVersion": "0.3.0",
    }
    about = f"Taken from the queue {queue}." if queue else "Bind a queue of your own."
    return {
        "address": name,
        "description": f"Routing key {name} on the exchange {exchange.name}. {about}",
        "messages": {"message": {"$ref": f"#/components/messages/{name}"}},
        "bindings": {"amqp": binding},
    }


def _operations(action: str, names: Iterable[str]) -> dict[str, Part]:
    return {
        f"{action}.{name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/message"}],
        }
        for name in sorted(names)
    }


def _command(task: str) -> Part:
    """A task's message: its keyword arguments are the middle one of the body's three parts."""
    kwargs = {"$ref": f"./schemas/commands/{task}.json"}
    body = {
        "type": "array",
        "prefixItems": [{"type": "array", "maxItems": 0}, kwargs, {"type": "object"}],
        "minItems": 3,
        "maxItems": 3,
    }
    return {**_message(task, ""), "headers": {"$ref": "#/components/schemas/taskHeaders"}, "payload": body}


def _message(name: str, schema: str) -> Part:
    return {
        "name": name,
        "contentType": "application/json",
        "payload": {"$ref": f"./schemas/{schema}.json"},
        "bindings": {"amqp": {"contentEncoding": "utf-8", "messageType": name, "bindingVersion": "0.3.0"}},
    }


def _queue_of(task: str) -> str:
    return str(celeryconfig.task_routes[task]["queue"])


def _inbound_queue_of(event_type: str) -> str:
    (name,) = (
        queue.name
        for queue in celeryconfig.inbound_queues
        if event_type in {binding.routing_key for binding in queue.bindings}
    )
    return str(name)
