"""Packing: a message as the frames by which AMQP publishes it, so that many go out in one write.

py-amqp writes each message by itself, and looks between two whether anything has come in: 60 µs a message where this
takes 5 (docs/performance.md). Header values other than text are left to py-amqp's own writer of tables.
"""

from collections.abc import Mapping
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
# AMQP's order and flags; all but the table and two octets are short texts.
_PLACES = [(0x8000 >> place, name, kind) for place, (name, kind) in enumerate(Message.PROPERTIES)]


def packed(message: Outgoing, *, channel: int, frame_max: int) -> bytes:
    """A message's frames: to be published as mandatory, persistent, with its id among its headers.

    Raises ValueError, TypeError or struct.error where it can't be put into frames.
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
    for flag, name, kind in _PLACES:
        value = properties.get(name)
        if value is None:
            continue
        flags |= flag
        if kind == "s":
            parts.append(_short(value))
        elif kind == "F":
            parts.append(_table(value))
        else:
            parts.append(dumps(kind, [value]))
    return _content_head(_BASIC, 0, size, flags) + b"".join(parts)


def _short(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return bytes([len(data)]) + data


def _table(headers: Mapping[str, Any]) -> bytes:
    if not all(isinstance(value, str) for value in headers.values()):
        table: bytes = dumps("F", [headers])
        return table
    entries = b"".join(_short(name) + b"S" + _long(value) for name, value in headers.items())
    return _size_32(len(entries)) + entries


def _long(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return _size_32(len(data)) + data
