"""Frames packed here are those that py-amqp would have written."""

import pytest
from amqp import spec
from amqp.basic_message import Message as AmqpMessage
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from credits_client import ConsumeMany, MatchCompleted, Purchase
from credits_client.brokers.frames import packed
from credits_client.messages import Sender

from tests.client import examples

CHANNEL = 7
SENDER = Sender("billing")
MESSAGES = {
    "command": SENDER.message(Purchase(**examples.PURCHASE)),
    "command with correlation id": SENDER.message(Purchase(**examples.PURCHASE, correlation_id="Übung 😀")),
    "event": SENDER.message(MatchCompleted(**examples.MATCH)),
}


class Wire:
    """What py-amqp's frame writer and reader take for a connection and its transport."""

    def __init__(self, *, frame_max=131_072):
        self.frame_max = frame_max
        self.bytes_sent = self.bytes_recv = 0
        self.written = b""

    def write(self, data):
        self.written += bytes(data)


def by_py_amqp(message):
    wire = Wire()
    properties = {"correlation_id": message.correlation_id, "message_id": message.message_id, "delivery_mode": 2}
    content = AmqpMessage(
        message.body,
        content_type="application/json",
        content_encoding="utf-8",
        application_headers=message.headers,
        **properties,
    )
    arguments = dumps("Bssbb", (0, message.route.exchange, message.route.routing_key, True, False))
    frame_writer(wire, wire)(1, CHANNEL, spec.Basic.Publish, arguments, content)
    return wire.written


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_frames_are_those_of_py_amqp(message):
    assert packed(message, channel_id=CHANNEL, frame_max=131_072) == by_py_amqp(message)


def bodies(frames):
    """The payloads of the frames, by kind: method, header, body."""
    found = []
    while frames:
        kind, length = frames[0], int.from_bytes(frames[3:7], "big")
        assert frames[1:3] == CHANNEL.to_bytes(2, "big")
        assert frames[7 + length] == 0xCE
        found.append((kind, frames[7 : 7 + length]))
        frames = frames[8 + length :]
    return found


def test_a_body_longer_than_a_frame_is_cut_into_several():
    message = SENDER.message(ConsumeMany(items=[examples.ITEM] * 500))

    frames = bodies(packed(message, channel_id=CHANNEL, frame_max=4_096))

    payloads = [payload for kind, payload in frames if kind == 3]
    assert [kind for kind, _ in frames] == [1, 2] + [3] * len(payloads)
    assert b"".join(payloads) == message.body
    assert max(map(len, payloads)) == 4_096 - 8
