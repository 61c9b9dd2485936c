"""Envelopes: what a broker without a protocol of its own keeps may be no message at all. It is parked, not choked on.

kombu's transports parse an item as the envelope that kombu writes, and raise whatever comes of another one: that would
end the worker, and the item, taken already, would be lost.
"""

import base64
import json
from typing import Any
from uuid import uuid4

import structlog
from kombu.utils.json import loads

from tasks.topology import QUEUE

log = structlog.get_logger(__name__)

# Accepted nowhere, so it is parked by whoever takes it; also where its body happens to be JSON.
NO_ENVELOPE = "application/x-no-envelope"
# Written as JSON once more to be put aside until its ack, deeper in the stack than it was read: far below either's end.
MAX_DEPTH = 100


def sound(message: Any, queue: str) -> Any:
    """A message as kombu can hand it on, within an envelope of ours where its own is broken."""
    why = _fault(message)
    if why:
        log.warning("an item of a queue is no message", queue=queue, why=why)
        message = _wrapped(json.dumps(message, default=str).encode(), queue)
    # Its sender's tag may be another message's, and the one would be kept for as long as the other.
    message["properties"]["delivery_tag"] = str(uuid4())
    message["properties"]["delivery_info"][QUEUE] = queue
    return message


def envelope_of(item: Any) -> Any:
    """An item as the envelope that it is; in one of ours where it isn't JSON."""
    raw = item if isinstance(item, bytes) else str(item).encode(errors="surrogatepass")
    try:
        envelope = loads(raw.decode())
    except Exception as error:  # RecursionError among them
        log.warning("an item of a queue is no JSON", error=str(error)[:200])
        return _wrapped(raw, "")
    if _is_too_deep(envelope):
        log.warning("an item of a queue is nested too deep", length_bytes=len(raw))
        return _wrapped(raw, "")
    return envelope


def _is_too_deep(envelope: Any) -> bool:
    """Whether an envelope is nested deeper than MAX_DEPTH levels."""
    level = [envelope]
    for _ in range(MAX_DEPTH + 1):
        parts = [
            value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)
        ]
        level = [part for within in parts for part in within]
        if not level:
            return False
    return True


def _fault(message: Any) -> str:
    """What is wrong with an envelope, if anything. Everything here kombu takes for granted."""
    if not isinstance(message, dict):
        return "is no object"
    properties = message.get("properties")
    if not isinstance(properties, dict):
        return "properties"
    delivery = properties.get("delivery_info")
    if not isinstance(delivery, dict):
        return "properties.delivery_info"
    texts = {
        "properties.delivery_tag": properties.get("delivery_tag"),
        "properties.delivery_info.exchange": delivery.get("exchange"),
        "properties.delivery_info.routing_key": delivery.get("routing_key"),
        "body": message.get("body"),
        "content-type": message.get("content-type") or "",
        "content-encoding": message.get("content-encoding") or "",
    }
    for name, value in texts.items():
        if not isinstance(value, str):
            return name
    if message.get("headers") is None:
        message["headers"] = {}
    if not isinstance(message["headers"], dict):
        return "headers"
    return _fault_of_body(message["body"], properties.get("body_encoding"))


def _fault_of_body(body: str, encoding: Any) -> str:
    if encoding == "base64":
        try:
            base64.b64decode("".join(body.split()), validate=True)
        except ValueError:
            return "body, which is no base64"
    elif str(encoding or "utf-8").lower() != "utf-8":
        return "properties.body_encoding"
    return ""


def _wrapped(item: bytes, queue: str) -> dict[str, Any]:
    """An item of a list as the body of a message that nobody can read."""
    return {
        "body": base64.b64encode(item).decode(),
        "content-type": NO_ENVELOPE,
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "delivery_tag": str(uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
            "body_encoding": "base64",
        },
    }
