"""Redis: what stands in its lists may be no message at all. It is handed on all the same, to be parked, not choked on.

kombu's transport parses a list's item as the envelope that kombu writes, and raises whatever comes of another one:
that would end the worker, and the item, popped already, would be lost.
"""

import base64
import json
from typing import Any
from uuid import uuid4

import structlog
from kombu.transport.redis import Channel as RedisChannel
from kombu.transport.redis import Empty
from kombu.transport.redis import Transport as RedisTransport
from kombu.utils.json import loads

from tasks.topology import QUEUE

log = structlog.get_logger(__name__)

# Accepted nowhere, so it is parked by whoever takes it; also where its body happens to be JSON.
NO_ENVELOPE = "application/x-no-envelope"
# Written as JSON once more to be put aside until its ack, deeper in the stack than it was read: far below either's end.
MAX_DEPTH = 100


class Channel(RedisChannel):
    """kombu's, but for what it does with an item that it can't read or put back, and with a connection that is lost."""

    def _brpop_read(self, **options: Any) -> bool:
        """Hand on one item that Redis has given. Raises Empty where there was none."""
        try:
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()  # the next round connects again
                raise
            if not found:
                raise Empty
            name, item = found
            queue = name.decode().rsplit(self.sep, 1)[0] if isinstance(name, bytes) else name.rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(_envelope(item), queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def close(self) -> None:
        """Close it, also where it was lost in the midst of a poll.

        kombu's would raise then with nothing closed, and be asked again when the connection is no more: that ends the
        worker. The poll is over by the second time.
        """
        try:
            super().close()
        except self.connection_errors:
            super().close()

    def _do_restore_message(self, payload: Any, exchange: str, routing_key: str, *args: Any, **options: Any) -> None:
        """Put a message back into the queue that it came from, whatever its sender wrote of its way there."""
        queue = payload["properties"]["delivery_info"].get(QUEUE)
        way = ("", queue) if queue else (exchange, routing_key)
        super()._do_restore_message(payload, *way, *args, **options)


class Transport(RedisTransport):
    """kombu's, with that channel."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        """Hand a message on, within an envelope of ours where its own is broken."""
        why = _fault(message)
        if why:
            log.warning("an item of a queue is no message", queue=queue, why=why)
            message = _wrapped(json.dumps(message, default=str).encode(), queue)
        # Its sender's tag may be another message's, and the one would be kept for as long as the other.
        message["properties"]["delivery_tag"] = str(uuid4())
        message["properties"]["delivery_info"][QUEUE] = queue
        super()._deliver(message, queue)


def _envelope(item: Any) -> Any:
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
