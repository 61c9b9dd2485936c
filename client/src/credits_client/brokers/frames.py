"""Packs a message into AMQP 0-9-1 frames, many times faster than one call of py-amqp for each."""

from functools import lru_cache
from struct import Struct

from amqp import spec
from amqp.serialization import dumps

from credits_client.messages import CONTENT_ENCODING, CONTENT_TYPE, PERSISTENT, Message, TaskHeaders
from credits_client.routes import Route

METHOD, HEADER, BODY = 1, 2, 3
FRAME_END = b"\xce"
FRAME_OVERHEAD = 8  # seven bytes before the payload and one after

_FRAME_START = Struct(">BHI")
_CONTENT_START = Struct(">HHQ")
_FLAGS = Struct(">H")
_LENGTH = Struct(">I")

# The bits of the properties that are sent, in the order of basic_message.Message.PROPERTIES.
_WITHOUT_CORRELATION_ID = 1 << 15 | 1 << 14 | 1 << 13 | 1 << 12 | 1 << 7
_WITH_CORRELATION_ID = _WITHOUT_CORRELATION_ID | 1 << 10


def packed(message: Message, *, channel_id: int, frame_max: int) -> bytes:
    """basic.publish, mandatory and persistent, of the message: method, header and body frames in one piece."""
    body = message.body
    header = _CONTENT_START.pack(spec.Basic.CLASS_ID, 0, len(body)) + _properties(message)
    longest = frame_max - FRAME_OVERHEAD
    return b"".join(
        [
            _publish_frame(message.route, channel_id),
            _frame(HEADER, channel_id, header),
            *(_frame(BODY, channel_id, body[start : start + longest]) for start in range(0, len(body), longest)),
        ]
    )


def _frame(kind: int, channel_id: int, payload: bytes) -> bytes:
    return _FRAME_START.pack(kind, channel_id, len(payload)) + payload + FRAME_END


@lru_cache(maxsize=128)
def _publish_frame(route: Route, channel_id: int) -> bytes:
    mandatory, immediate = True, False
    arguments = dumps("Bssbb", (0, route.exchange, route.routing_key, mandatory, immediate))
    return _frame(METHOD, channel_id, b"".join(_FLAGS.pack(part) for part in spec.Basic.Publish) + arguments)


def _properties(message: Message) -> bytes:
    flags = _WITHOUT_CORRELATION_ID if message.correlation_id is None else _WITH_CORRELATION_ID
    return b"".join(
        [
            _FLAGS.pack(flags),
            _CONTENT,
            _table(message),
            bytes([PERSISTENT]),
            b"" if message.correlation_id is None else _short(message.correlation_id),
            _short(message.message_id),
        ]
    )


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


_CONTENT = _short(CONTENT_TYPE) + _short(CONTENT_ENCODING)


def _table(message: Message) -> bytes:
    shared = b"" if message.task_headers is None else _shared_entries(message.task_headers)
    own = b"".join(_short(name) + _text(value) for name, value in message.own_headers.items())
    return _LENGTH.pack(len(shared) + len(own)) + shared + own


@lru_cache(maxsize=128)
def _shared_entries(headers: TaskHeaders) -> bytes:
    table: bytes = dumps("F", (headers.as_dict(),))
    return table[_LENGTH.size :]


def _text(value: str) -> bytes:
    encoded = value.encode()
    return b"S" + _LENGTH.pack(len(encoded)) + encoded
