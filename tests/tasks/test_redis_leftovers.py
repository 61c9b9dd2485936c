"""Leftovers on Redis: what stands among unacknowledged messages, or is told to every worker, ends none of them."""

import json
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from kombu import Connection, Consumer, Exchange, Queue
from redis import Redis

from tasks import transports

pytestmark = pytest.mark.servers

ENVELOPE = {
    "body": "{}",
    "headers": {},
    "properties": {"delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": "left", "queue": "left"}},
}


@pytest.mark.parametrize(
    "entry", ["{", "[1]", '["no envelope", "", ""]', '[{"properties": {}}, "", "left"]', "[" * 100_000]
)
def test_an_entry_that_is_no_message_keeps_none_from_being_put_back(redis_url: str, entry: str) -> None:
    transports.install()
    with Redis.from_url(redis_url) as redis, Connection(redis_url) as connection:
        redis.hset("unacked", mapping={"older": json.dumps([ENVELOPE, "", "left"]), "other": entry})
        redis.zadd("unacked_index", {"older": 1, "other": 2})

        connection.default_channel.qos.restore_visible()

        assert [item for item in redis.lrange("left", 0, -1) if b'"body"' in item]
        assert redis.zcard("unacked_index") == 0


def test_what_is_nested_too_deep_is_left_by_those_who_are_told_it(redis_url: str) -> None:
    transports.install()
    told: list[object] = []
    exchange = Exchange("told", type="fanout", durable=False)
    with (
        Redis.from_url(redis_url) as redis,
        Connection(redis_url) as connection,
        Consumer(connection, [Queue("told", exchange)], on_message=told.append, accept=["json"]),
    ):
        drain(connection)  # subscribes
        heard_by = redis.publish(f"{urlsplit(redis_url).path}.told", "[" * 200_000)
        drain(connection)
        connection.Producer().publish({}, exchange=exchange, routing_key="")
        drain(connection)

    assert (heard_by, len(told)) == (1, 1)


def drain(connection: Connection) -> None:
    with suppress(TimeoutError):
        while True:
            connection.drain_events(timeout=0.5)
