"""Redis is lost while a worker polls it: the connection can be closed all the same, and the worker connects anew."""

from contextlib import suppress

import pytest
from kombu import Connection, Consumer, Queue

from tasks import transports
from tests.processes import eventually
from tests.proxy import Proxy

pytestmark = pytest.mark.servers

QUEUE = Queue("lost", no_declare=True)


def test_a_connection_with_unacknowledged_messages_that_is_lost_in_the_midst_of_a_poll_can_be_closed(
    redis_url: str,
) -> None:
    transports.install()
    with Connection(redis_url) as sender:
        for _ in range(2):
            sender.Producer().publish({}, routing_key="lost")
    with Proxy(redis_url) as proxy:
        connection = Connection(proxy.url)
        channels = [connection.default_channel, connection.channel()]  # a worker's tasks, and what it takes beside them
        for channel in channels:
            taken: list[object] = []
            consumer = Consumer(channel, [QUEUE], on_message=taken.append, prefetch_count=1, accept=["json"])
            consumer.consume()
            eventually(lambda taken=taken: drained(connection) and taken)  # type: ignore[misc]
        channels[0]._brpop_start()
        assert channels[0]._in_poll
        proxy.close_door()

        connection.collect()  # as a worker does first
        connection.release()

    assert [channel.closed for channel in channels] == [True, True]


def drained(connection: Connection) -> bool:
    with suppress(TimeoutError):
        connection.drain_events(timeout=0.2)
    return True
