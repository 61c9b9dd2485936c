"""Private servers: what they answered survives a crash, and nothing of them is left once they stop."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg2
import pytest
from amqp.exceptions import AccessRefused, NotAllowed
from kombu import Connection, Exchange, Queue
from kombu.simple import SimpleQueue
from redis import Redis as RedisClient

from tests.servers import PostgreSQL, RabbitMQ, Redis, ServerFailed
from tests.servers.management import Management, VirtualHost
from tests.servers.ports import is_free

pytestmark = pytest.mark.servers

DURABLE = Queue("kept", Exchange(""), "kept", queue_arguments={"x-queue-type": "quorum"})


@contextmanager
def durable_queue(url: str) -> Iterator[SimpleQueue]:
    with (
        Connection(url, transport_options={"confirm_publish": True}) as connection,
        closing(SimpleQueue(connection, DURABLE)) as queue,
    ):
        yield queue


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_rabbitmq_keeps_confirmed_messages_over_a_crash() -> None:
    with RabbitMQ() as server:
        with durable_queue(server.url) as queue:
            queue.put({"number": 1}, delivery_mode="persistent")

        server.restart()

        with durable_queue(server.url) as queue:
            assert queue.get(timeout=20).payload == {"number": 1}


def test_postgresql_keeps_committed_rows_over_a_crash() -> None:
    with PostgreSQL.for_tests() as server:
        execute(server.url, "CREATE TABLE kept AS SELECT 1 AS number")

        server.restart()

        assert execute(server.url, "SELECT number FROM kept") == [(1,)]


def test_postgresql_for_benchmarks_is_as_durable_as_in_production() -> None:
    with PostgreSQL.for_benchmarks() as server:
        settings = (
            "current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"
        )

        assert execute(server.url, f"SELECT {settings}") == [("on", "on", "on")]


@pytest.mark.parametrize(("server", "kept"), [(Redis.append_only(), b"1"), (Redis.in_memory(), None)])
def test_redis_keeps_over_a_crash_what_it_was_told_to(server: Redis, kept: bytes | None) -> None:
    with server:
        with RedisClient.from_url(server.url) as client:
            client.set("number", 1)

        server.restart()

        with RedisClient.from_url(server.url) as client:
            assert client.get("number") == kept


@pytest.mark.parametrize("server", [PostgreSQL.for_tests(), Redis.in_memory()], ids=lambda server: server.name)
def test_a_stopped_server_leaves_no_folder_and_no_listener(server: PostgreSQL | Redis) -> None:
    with server:
        folder = server.folder
        assert folder.exists()
        assert not is_free(server.port)

    assert not folder.exists()
    assert is_free(server.port)


def test_a_server_that_can_not_start_says_why_and_leaves_nothing() -> None:
    with PostgreSQL.for_tests() as first:
        second = PostgreSQL.for_tests()
        second.port = first.port

        with pytest.raises(ServerFailed, match="Address already in use"):
            second.start()

        with pytest.raises(ServerFailed, match="has not been started"):
            _ = second.folder
        assert execute(first.url, "SELECT 1") == [(1,)]


def test_virtual_hosts_are_closed_to_each_others_users(
    rabbitmq_management: Management, rabbitmq_admin: VirtualHost
) -> None:
    with rabbitmq_management.virtual_host(name=f"{rabbitmq_admin.name}-neighbour") as neighbour:
        intruder = urlsplit(neighbour.url)._replace(path=urlsplit(rabbitmq_admin.url).path).geturl()

        with pytest.raises(NotAllowed), Connection(intruder) as connection:
            connection.connect()


def test_virtual_hosts_share_no_queues(rabbitmq_management: Management, rabbitmq_admin: VirtualHost) -> None:
    with rabbitmq_management.virtual_host(name=f"{rabbitmq_admin.name}-neighbour") as neighbour:
        with durable_queue(rabbitmq_admin.url) as queue:
            queue.put({"number": 1})

        assert rabbitmq_admin.messages() == {"kept": 1}
        assert neighbour.messages() == {}


def test_a_user_may_do_no_more_than_was_permitted(rabbitmq_admin: VirtualHost) -> None:
    url = rabbitmq_admin.create_user(write="^amq.topic$")

    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish({}, exchange="amq.topic", routing_key="anything")
        with pytest.raises(AccessRefused):
            connection.Producer().publish({}, exchange="amq.direct", routing_key="anything")


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_its_redis_database_empty(redis_url: str, turn: int) -> None:
    with RedisClient.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")
