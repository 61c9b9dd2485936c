"""What no producer's library would send: junk in Redis' lists, and properties of RabbitMQ's that can't be read."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from struct import pack
from typing import Any

import pytest
from amqp.basic_message import Message
from kombu import Connection
from redis import Redis

from tests.e2e.producer import Producer, consumption, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers

PLACE = "PLACEHOLDER"


def envelope(**fields: Any) -> dict[str, Any]:
    """A message in a list of Redis as kombu writes it, but for these fields."""
    properties = {
        "delivery_tag": new_id(),
        "delivery_info": {"exchange": "", "routing_key": "credits.consume"},
        "body_encoding": None,
        **fields.pop("properties", {}),
    }
    return {
        "body": "{not json TOKEN",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "credits.consume", "id": "TOKEN"},
        "properties": properties,
        **fields,
    }


JUNK: dict[str, Any] = {
    "no JSON": "{TOKEN",
    "no text": b"\xff\xfeTOKEN\x00",
    "a text": json.dumps("TOKEN"),
    "a list": json.dumps(["TOKEN"]),
    "nested without end": "[" * 100_000 + "TOKEN",
    "an envelope of nothing": json.dumps({"token": "TOKEN"}),
    "a plain event without envelope": json.dumps({"event_type": "evt.ai.match.completed.v1", "data": {"id": "TOKEN"}}),
    "properties that are a list": {**envelope(), "properties": ["TOKEN"]},
    "no properties": {key: value for key, value in envelope().items() if key != "properties"},
    "no delivery": envelope(properties={"delivery_info": None}),
    "a delivery that is a text": envelope(properties={"delivery_info": "credits.consume"}),
    "a key that is an object": envelope(properties={"delivery_info": {"exchange": "", "routing_key": {"a": 1}}}),
    "an exchange that is null": envelope(properties={"delivery_info": {"exchange": None, "routing_key": "x"}}),
    "a tag that is a list": envelope(properties={"delivery_tag": ["x"]}),
    "no body": envelope(body=None, token="TOKEN"),
    "a body that is an object": envelope(body={"token": "TOKEN"}),
    "a base64 that is none": envelope(body="?TOKEN?", properties={"body_encoding": "base64"}),
    "a code of bodies unheard of": envelope(properties={"body_encoding": "rot13"}),
    "a code of bodies that is a list": envelope(properties={"body_encoding": ["base64"]}),
    "headers that are a list": envelope(headers=["TOKEN"]),
    "headers that are null": envelope(headers=None),
    "a content type that is a number": {**envelope(), "content-type": 7},
    "an encoding that is an object": {**envelope(), "content-encoding": {"a": 1}},
    "a body with a lone surrogate": envelope(body="\ud800TOKEN"),
    "a way that is none of ours": envelope(properties={"delivery_info": {"exchange": "nowhere", "routing_key": "x"}}),
}


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
@pytest.mark.parametrize("queue", ["credits.consume", "credits.inbound", "credits.notifications"])
def test_junk_in_a_list_of_redis_is_parked_once_and_its_neighbours_are_applied(
    producer: Producer, service: Service, queue: str
) -> None:
    merchant = producer.merchant(credits=100)
    tokens = {name: new_id() for name in JUNK}
    with Redis.from_url(service.broker_url) as redis:
        for name, item in JUNK.items():
            redis.lpush(queue, filled_in(item, tokens[name]))
            producer.send("credits.consume", consumption(merchant))

        producer.settled(merchant, balance=100 - len(JUNK))
        for name, token in tokens.items():
            rows = eventually(lambda token=token: parked_with(service, token), what=name)
            assert (name, [(row["queue"], row["count"]) for row in rows]) == (name, [(queue, 1)])
        eventually(lambda: redis.llen(queue) == 0)


def filled_in(item: Any, token: str) -> bytes:
    if isinstance(item, bytes):
        return item.replace(b"TOKEN", token.encode())
    return (item if isinstance(item, str) else json.dumps(item)).replace("TOKEN", token).encode()


def parked_with(service: Service, token: str) -> list[dict[str, Any]]:
    """Rows that hold the token; of a body that is kept in base64, too."""
    return service.books.parked(token) or service.books.parked_bytes(token.encode())


@contextmanager
def raw(broker_url: str) -> Iterator[Callable[[bytes, str], None]]:
    """Publishes to credits.consume with properties as bytes, which no library writes so."""
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        channel.confirm_select()

        def publish(properties: bytes, body: str) -> None:
            message = Message(body)
            message._serialize_properties = lambda: properties
            channel.basic_publish_confirm(message, exchange="", routing_key="credits.consume")

        yield publish


def properties_of(**properties: Any) -> bytes:
    return bytes(Message("", **properties)._serialize_properties())


def table(content: bytes) -> bytes:
    """Properties that hold nothing but headers of these bytes."""
    return pack(">HI", 1 << 13, len(content)) + content


def nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = b"\x01aF" + pack(">I", len(content)) + content
    return content


UNREADABLE: dict[str, bytes] = {
    "a content type that is no text": properties_of(content_type=PLACE).replace(PLACE.encode(), b"\xff" * len(PLACE)),
    "a correlation id that is no text": properties_of(correlation_id=PLACE).replace(
        PLACE.encode(), b"\xc3" * len(PLACE)
    ),
    "a header's time after all times": table(b"\x01tT" + pack(">Q", 2**60)),
    "headers nested without end": table(nested(3_000)),
    "a header's name that is no text": table(b"\x02\xff\xfeS" + pack(">I", 1) + b"x"),
    "a header that is no text": table(b"\x04taskS" + pack(">I", 2) + b"\xff\xfe"),
    "a header of nothing": table(b"\x04taskV"),
}


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_properties_that_can_not_be_read_are_parked_and_their_neighbours_are_applied(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=100)
    tokens = {name: new_id() for name in UNREADABLE}
    with raw(service.broker_url) as publish:
        for name, properties in UNREADABLE.items():
            publish(properties, f"{{{tokens[name]}")
            producer.send("credits.consume", consumption(merchant))

    producer.settled(merchant, balance=100 - len(UNREADABLE))
    for name, token in tokens.items():
        (parked,) = eventually(lambda token=token: service.books.parked(token), what=name)
        assert (name, parked["queue"], parked["body"], parked["count"]) == (name, "credits.consume", f"{{{token}", 1)
    assert service.processes["consume"].exit_code is None
