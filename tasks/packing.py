"""Packing: a message as the frames by which AMQP publishes it, so that many go out in one write.

py-amqp writes each message by itself, and looks between two whether anything has come in: 60 µs a message where this
takes 5 (docs/performance.md). Header values other than text are left to py-amqp's own writer of tables.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from struct import Struct
from typing import Any

from amqp import Message
from amqp.serialization import dumps

from tasks.frames import BODY, FRAME_END, HEADER, METHOD
from tasks.outgoing import Outgoing

PERSISTENT = 2
ID = "x-credits-id"
MANDATORY = 1

_frame_head = Struct(">BHI").pack
_content_head = Struct(">HHQH").pack
_size_32 = Struct(">I").pack
_END = bytes([FRAME_END])
_OVERHEAD = 8  # bytes of a frame beside what it holds
_BASIC, _PUBLISH = 60, 40


def packed(message: Outgoing, *, channel: int, frame_max: int) -> bytes:
    """A message's frames: to be published as mandatory, persistent, with its id among its headers.

    Raises ValueError, TypeError, RecursionError or struct.error where it can't be put into frames.
    """
    properties = {
        **message.properties,
        "delivery_mode": PERSISTENT,
        "application_headers": {**message.headers, ID: str(message.id)},
    }
    body, most = message.body, frame_max - _OVERHEAD
    try:
        method = _publish(message.exchange, message.routing_key, channel)
        content = _content(properties, size=len(body))
    except AttributeError as error:  # a lost connection raises it, too: this one is of the message
        raise TypeError(f"no text: {error}") from error
    parts = [
        method,
        _frame(HEADER, channel, content),
        *(_frame(BODY, channel, body[start : start + most]) for start in range(0, len(body), most)),
    ]
    return b"".join(parts)


@lru_cache(maxsize=256)
def _publish(exchange: str, routing_key: str, channel: int) -> bytes:
    method = Struct(">HHH").pack(_BASIC, _PUBLISH, 0) + _short(exchange) + _short(routing_key) + bytes([MANDATORY])
    return _frame(METHOD, channel, method)


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return _frame_head(kind, channel, len(payload)) + payload + _END


def _content(properties: Mapping[str, Any], *, size: int) -> bytes:
    flags, parts = 0, []
    for flag, name, write in _PLACES:
        value = properties.get(name)
        if value is not None:
            flags |= flag
            parts.append(write(value))
    return _content_head(_BASIC, 0, size, flags) + b"".join(parts)


def _short(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return bytes([len(data)]) + data


_usual = lru_cache(maxsize=256)(_short)  # of what there are few: names, types


def _table(headers: Mapping[str, Any]) -> bytes:
    entries = b""
    for name, value in headers.items():
        if not isinstance(value, str):
            table: bytes = dumps("F", [headers])
            return table
        data = value.encode("utf-8", "surrogatepass")
        entries += _usual(name) + b"S" + _size_32(len(data)) + data
    return _size_32(len(entries)) + entries


_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    "s": _short,
    "F": _table,
    "o": Struct(">B").pack,
    "L": Struct(">Q").pack,
}
_USUAL = {"content_type", "content_encoding", "type", "app_id"}
# AMQP's order and flags, and what writes each.
_PLACES = [
    (0x8000 >> place, name, _usual if name in _USUAL else _WRITERS[kind])
    for place, (name, kind) in enumerate(Message.PROPERTIES)
]
