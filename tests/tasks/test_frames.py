"""Frames: what is read out of bytes, and put into them, here is what py-amqp reads and writes."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from amqp import Message
from amqp.exceptions import UnexpectedFrame
from amqp.method_framing import frame_writer
from amqp.serialization import dumps, loads
from hypothesis import given
from hypothesis import strategies as st

from tasks.frames import (
    BODY,
    HEADER,
    METHOD,
    Delivery,
    Unfamiliar,
    body_size,
    delivery_of,
    properties_of,
    readable,
    split,
)
from tasks.outgoing import Outgoing
from tasks.packing import ID, PERSISTENT, packed

FRAME_MAX = 131_072
DELIVER = (60, 60)
PUBLISH = (60, 40)

names = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
headers = st.dictionaries(names, values, max_size=8)
properties = st.fixed_dictionaries(
    {},
    optional={
        "content_type": names,
        "content_encoding": names,
        "application_headers": headers,
        "delivery_mode": st.integers(1, 2),
        "priority": st.integers(0, 255),
        "correlation_id": names,
        "reply_to": names,
        "message_id": names,
        "type": names,
    },
)


def written(method: tuple[int, int], arguments: bytes, message: Message) -> bytes:
    """A method with its message, as py-amqp writes it."""
    wire = bytearray()
    transport = SimpleNamespace(write=lambda part: wire.extend(bytes(part)))
    frame_writer(SimpleNamespace(frame_max=FRAME_MAX, bytes_sent=0), transport)(1, 7, method, arguments, message)
    return bytes(wire)


def delivered(message: Message) -> bytes:
    return written(DELIVER, dumps("sLbss", ("tag", 9, True, "exchange", "key")), message)


@given(properties)
def test_properties_are_read_as_py_amqp_reads_them(given: dict[str, Any]) -> None:
    frames, _ = split(delivered(Message(b"body", **given)))
    reader = Message()
    reader.inbound_header(frames[1][2])

    read = properties_of(frames[1][2])

    assert read == reader.properties


def test_a_delivery_comes_in_three_frames() -> None:
    frames, rest = split(delivered(Message(b"body", content_type="application/json")))

    assert ([frame[:2] for frame in frames], rest) == ([(METHOD, 7), (HEADER, 7), (BODY, 7)], b"")
    assert delivery_of(frames[0][2]) == Delivery("tag", 9, True, "exchange", "key")
    assert (body_size(frames[1][2]), frames[2][2]) == (4, b"body")


@given(st.integers(0, 400))
def test_what_is_not_whole_yet_is_left_for_the_next_read(cut: int) -> None:
    data = delivered(Message(b"body")) * 3

    first, rest = split(data[:cut])
    second, nothing = split(rest + data[cut:])

    assert (first + second, nothing) == (split(data)[0], b"")


def test_what_is_no_frame_is_refused() -> None:
    broken = delivered(Message(b"body"))[:-1] + b"\x00"

    with pytest.raises(UnexpectedFrame):
        split(broken)


@pytest.mark.parametrize("value", [1.5, b"\xff", "\ud800"], ids=["float", "bytes", "lone surrogate"])
def test_what_it_does_not_know_is_left_to_py_amqp(value: Any) -> None:
    frames, _ = split(delivered(Message(b"body", application_headers={"value": value})))

    with pytest.raises(Unfamiliar):
        properties_of(frames[1][2])


@given(properties, st.binary(max_size=50))
def test_a_message_is_packed_as_py_amqp_writes_it(given: dict[str, Any], body: bytes) -> None:
    own = {**given.get("application_headers", {})}
    rest = {name: value for name, value in given.items() if name not in ("application_headers", "delivery_mode")}
    message = Outgoing(
        id=uuid4(), exchange="e", routing_key="k", body=body, must_arrive=False, headers=own, properties=rest
    )

    frames = packed(message, channel=7, frame_max=FRAME_MAX)

    rest |= {"application_headers": {**own, ID: str(message.id)}, "delivery_mode": PERSISTENT}
    assert frames == written(PUBLISH, dumps("Bssbb", (0, "e", "k", True, False)), Message(body, **rest))


def test_a_body_larger_than_a_frame_is_cut() -> None:
    body = bytes(2 * FRAME_MAX)
    message = Outgoing(id=uuid4(), exchange="", routing_key="queue", body=body, must_arrive=True)

    frames, _ = split(packed(message, channel=1, frame_max=FRAME_MAX))

    assert [len(frame[2]) + 8 for frame in frames[2:]] == [FRAME_MAX, FRAME_MAX, 24]
    assert b"".join(frame[2] for frame in frames[2:]) == body


KEYS = [b"credits.consume", "é".encode(), b"credits.\xff", "é".encode() + b"\xff", b"\xff" * 255, b""]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_is_no_text_is_the_same_text_however_it_is_read(key: bytes) -> None:
    start = bytes([0, 60, 0, 60]) + b"\x03tag" + (9).to_bytes(8, "big") + b"\x01"
    method = start + b"\x08exchange" + bytes([len(key)]) + key

    _, _, rewritten = readable((METHOD, 7, method))

    by_py_amqp = loads("sLbss", rewritten, 4)[0]
    read_ahead = delivery_of(method)
    assert (read_ahead.exchange, read_ahead.routing_key) == tuple(by_py_amqp[3:])
    assert len(read_ahead.routing_key) <= 255
    assert read_ahead.routing_key.encode() == key or read_ahead.routing_key.isascii()
