"""Deep envelopes: what can just be read from a list of Redis can't be written again; it is handed on all the same."""

import json
from contextlib import suppress

import pytest
from kombu import Connection, Consumer, Queue
from redis import Redis

from tasks import transports
from tasks.envelopes import MAX_DEPTH, NO_ENVELOPE

pytestmark = pytest.mark.servers

DEPTHS = [*range(50, 900, 25), *range(900, 1000), *range(1000, 1101, 10)]


def envelope(nested: int) -> bytes:
    """A message whose headers are nested so deep."""
    properties = {"delivery_tag": "x", "delivery_info": {"exchange": "", "routing_key": "deep"}, "body_encoding": None}
    fields = {"body": "{}", "content-type": "application/json", "content-encoding": "utf-8", "properties": properties}
    return json.dumps({**fields, "headers": {"deep": "DEEP"}}).replace('"DEEP"', "[" * nested + "]" * nested).encode()


def test_an_envelope_of_any_depth_is_handed_on_and_put_aside(redis_url):
    transports.install()
    taken = []
    with Redis.from_url(redis_url) as redis, Connection(redis_url) as connection:
        for depth in DEPTHS:
            redis.lpush("deep", envelope(depth))
        consumer = Consumer(connection, [Queue("deep")], on_message=taken.append, accept=["json"])
        consumer.qos(prefetch_count=0)
        with consumer, suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=1)

        assert len(taken) == len(DEPTHS) == redis.hlen("unacked")
        for depth, message in zip(DEPTHS, taken, strict=True):
            is_wrapped = message.content_type == NO_ENVELOPE
            assert is_wrapped == (depth + 2 > MAX_DEPTH), depth
            assert bytes(message.body) == (envelope(depth) if is_wrapped else b"{}")
        for message in taken:
            message.reject(requeue=True)
        assert redis.llen("deep") == len(DEPTHS)
