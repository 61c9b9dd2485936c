"""AMQP's frames, out of bytes: the few kinds that a delivered message comes in, read in one go.

py-amqp reads a frame by three calls of the socket and each of a message's some thirty values through two general
functions. This knows what Celery's messages hold and leaves anything else to py-amqp (docs/performance.md).
"""

from struct import Struct
from struct import error as StructError
from typing import Any, NamedTuple

from amqp import Message
from amqp.exceptions import UnexpectedFrame

METHOD, HEADER, BODY = 1, 2, 3
DELIVER = b"\x00\x3c\x00\x3c"  # class 60, method 60: basic.deliver
FRAME_END = 0xCE
MAX_SHORT = 255  # bytes of a short string

Frame = tuple[int, int, bytes]  # its type, its channel, what it holds

_frame_head = Struct(">BHI")
_content_head = Struct(">4xQH")  # class and weight, of no use; the body's size; which properties follow
_unsigned_64 = Struct(">Q").unpack_from
_unsigned_32 = Struct(">I").unpack_from
_signed_32 = Struct(">i").unpack_from
_signed_64 = Struct(">q").unpack_from


class Unfamiliar(Exception):
    """Something that is not read here, but by py-amqp."""


class Delivery(NamedTuple):
    """What basic.deliver says of the message that follows it."""

    consumer_tag: str
    delivery_tag: int
    redelivered: bool
    exchange: str
    routing_key: str


def split(data: bytes) -> tuple[list[Frame], bytes]:
    """The whole frames at the start of what was read, and the rest. Raises UnexpectedFrame for what is none."""
    frames = []
    start, length = 0, len(data)
    while start + 8 <= length:
        kind, channel, size = _frame_head.unpack_from(data, start)
        end = start + 7 + size
        if end >= length:
            break
        if data[end] != FRAME_END:
            raise UnexpectedFrame(f"Received frame_end {data[end]:#04x} while expecting 0xce")
        frames.append((kind, channel, data[start + 7 : end]))
        start = end + 1
    return frames, data[start:]


def delivery_of(method: bytes) -> Delivery:
    """What a method frame that starts with DELIVER holds."""
    consumer_tag, at = _short(method, 4)
    (delivery_tag,) = _unsigned_64(method, at)
    exchange, after = _short(method, at + 9)
    routing_key = key_as_text(method[after + 1 : after + 1 + method[after]])
    return Delivery(consumer_tag, delivery_tag, method[at + 8] & 1 == 1, exchange, routing_key)


def readable(frame: Frame) -> Frame:
    """The same frame, with its routing key as text where it is none: of that py-amqp would end the connection."""
    kind, channel, method = frame
    if kind != METHOD or not method.startswith(DELIVER):
        return frame
    _, at = _short(method, 4)
    at += 9 + 1 + method[at + 9]
    key = key_as_text(method[at + 1 : at + 1 + method[at]]).encode()
    return kind, channel, method[:at] + bytes([len(key)]) + key


def key_as_text(key: bytes) -> str:
    """A routing key, as ASCII and cut where it is no UTF-8: RabbitMQ takes any bytes, which its header CC may route."""
    try:
        return key.decode()
    except UnicodeDecodeError:
        return key.decode(errors="backslashreplace").encode("ascii", errors="backslashreplace")[:MAX_SHORT].decode()


def body_size(header: bytes) -> int:
    """How many bytes of body a header frame announces."""
    size: int = _content_head.unpack_from(header)[0]
    return size


def properties_of(header: bytes) -> dict[str, Any]:
    """The properties in a header frame, by py-amqp's names. Raises Unfamiliar where py-amqp must read them."""
    try:
        return _properties(header)
    except (UnicodeDecodeError, IndexError, RecursionError, StructError) as error:
        raise Unfamiliar(repr(error)) from error


def _properties(header: bytes) -> dict[str, Any]:
    _, flags = _content_head.unpack_from(header)
    if flags & 1:
        raise Unfamiliar("more flags follow")
    properties: dict[str, Any] = {}
    at = 14
    for flag, name, kind in _PROPERTIES:
        if not flags & flag:
            continue
        if kind == "s":
            properties[name], at = _short(header, at)
        elif kind == "o":
            properties[name] = header[at]
            at += 1
        elif kind == "F":
            properties[name], at = _table(header, at)
        else:
            raise Unfamiliar(kind)
    return properties


_PROPERTIES = [(0x8000 >> place, name, kind) for place, (name, kind) in enumerate(Message.PROPERTIES)]


def _short(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end


def _table(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    end = at + 4 + _unsigned_32(data, at)[0]
    at += 4
    table = {}
    while at < end:
        after = at + 1 + data[at]
        name = data[at + 1 : after].decode()
        if data[after] == _TEXT:  # most values are
            at = after + 5 + _unsigned_32(data, after + 1)[0]
            table[name] = data[after + 5 : at].decode()
        else:
            table[name], at = _value(data, after)
    return table, at


def _value(data: bytes, at: int) -> tuple[Any, int]:
    """One value, by the letter that tells its type, and where the next one starts."""
    kind, at = data[at], at + 1
    if kind == _NOTHING:
        return None, at
    if kind == _TEXT:
        end = at + 4 + _unsigned_32(data, at)[0]
        return data[at + 4 : end].decode(), end
    if kind == _SIGNED_32:
        return _signed_32(data, at)[0], at + 4
    if kind in _SIGNED_64:
        return _signed_64(data, at)[0], at + 8
    if kind == _BOOLEAN:
        return data[at] != 0, at + 1
    if kind == _TABLE:
        return _table(data, at)
    if kind == _ARRAY:
        return _array(data, at)
    raise Unfamiliar(chr(kind))


def _array(data: bytes, at: int) -> tuple[list[Any], int]:
    end = at + 4 + _unsigned_32(data, at)[0]
    at += 4
    values = []
    while at < end:
        value, at = _value(data, at)
        values.append(value)
    return values, at


_NOTHING, _TEXT, _SIGNED_32, _BOOLEAN, _TABLE, _ARRAY = b"VSItFA"
_SIGNED_64 = b"Ll"
