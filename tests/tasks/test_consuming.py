"""Consuming from a real RabbitMQ: what is read ahead is what py-amqp reads one by one, whatever comes between."""

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Consumer, Message, Queue

from tasks.consuming import Connection as AheadConnection
from tasks.steps import Paced
from tests.confirms import confirmed
from tests.processes import eventually

pytestmark = pytest.mark.servers

QUEUE = Queue("many", no_declare=True)
LARGER_THAN_A_FRAME = 300_000
PLAIN: dict[str, Any] = {"content_type": "application/json", "content_encoding": "utf-8", "headers": {"id": "1"}}
MESSAGES: list[tuple[Any, dict[str, Any]]] = [
    ("{}", PLAIN),
    ("", PLAIN),
    ("ü" * LARGER_THAN_A_FRAME, PLAIN),
    (b"\xff\xfe", PLAIN),
    (b"\xff\xfe", {"content_type": "application/data", "content_encoding": "binary"}),
    ("ü".encode("latin-1"), {"content_type": "text/plain", "content_encoding": "latin-1"}),
    ("{}", {**PLAIN, "headers": {"x": [1.5, {"y": None}]}, "priority": 3, "correlation_id": "c"}),
]


@pytest.fixture
def filled(rabbitmq_url: str) -> str:
    """A broker with a queue that holds every kind of message, many times; its URL."""
    with closing(Connection(rabbitmq_url)) as connection:
        connection.default_channel.queue_declare("many", durable=True, auto_delete=False)
    with confirmed(rabbitmq_url) as publish:
        for _ in range(60):
            for body, properties in MESSAGES:
                publish(body, routing_key="many", **properties)
    return rabbitmq_url


@pytest.fixture
def reading_ahead(filled: str) -> Iterator[Connection]:
    application = Celery(broker=filled, amqp="tasks.consuming:Amqp", set_as_current=False)
    with application as app, app.connection_for_read() as connection:
        yield connection


def consumer(connection: Connection, on_message: Any) -> Consumer:
    """A consumer of the queue, started."""
    started = Consumer(connection.default_channel, [QUEUE], on_message=on_message, accept=None, auto_declare=False)
    started.consume()
    return started


def test_the_event_loop_waits_for_room_before_it_reads(reading_ahead: Connection) -> None:
    received: list[Message] = []
    consumer(reading_ahead, received.append)
    at_that_time: list[int] = []
    connection = reading_ahead.connection
    connection.is_to_read = lambda: at_that_time.append(len(received)) or len(at_that_time) > 3
    read = reading_ahead.transport._make_reader(connection)

    eventually(lambda: read(None) or received)

    assert at_that_time[:4] == [0, 0, 0, 0]


def test_what_tls_has_taken_off_the_socket_is_read_before_the_loop_waits_for_it() -> None:
    """By whichever read, or by who waited for an answer: the socket wakes nobody for it."""
    pending, said = [1, 2, 3], iter([True, True, False])
    connection = AheadConnection.__new__(AheadConnection)
    connection.transport = SimpleNamespace(sock=SimpleNamespace(pending=lambda: len(pending)))
    connection.drain_arrived = pending.pop
    connection.is_to_read = lambda: next(said)
    hub = SimpleNamespace(on_tick=set())
    paced = Paced(None)
    gatherer = SimpleNamespace(await_room=connection.is_to_read)
    consumer = SimpleNamespace(connection=SimpleNamespace(connection=connection), gatherer=gatherer, hub=hub)

    paced.start(consumer)
    paced.start(consumer)  # it has connected again
    for look in hub.on_tick:
        look()

    assert (pending, len(hub.on_tick)) == ([1], 1)
    paced.stop(consumer)
    assert hub.on_tick == set()


def told(message: Message) -> Any:
    """All that a message holds, in values that compare."""
    info = {name: value for name, value in message.delivery_info.items() if name != "consumer_tag"}
    return message.body, message.headers, message.properties, info, message.content_type, message.content_encoding


def drain(connection: AheadConnection) -> bool:
    try:
        connection.drain_arrived()
    except TimeoutError:
        return False
    return True


def one_by_one(url: str) -> list[Any]:
    """What kombu makes of the queue by itself; all of it goes back."""
    seen: list[Any] = []
    with Connection(url) as connection:
        consumer(connection, lambda message: seen.append(told(message)))
        while len(seen) < 60 * len(MESSAGES):
            connection.drain_events(timeout=10)
    return seen


def test_every_message_is_read_as_kombu_reads_it(reading_ahead: Connection, filled: str) -> None:
    expected = one_by_one(filled)
    seen: list[Any] = []
    consumer(reading_ahead, lambda message: seen.append(told(message)))

    eventually(lambda: not drain(reading_ahead.connection) and len(seen) >= len(expected), what="every message")

    # Ours comes again, and says which queue it was taken from.
    ours = {"redelivered": True, "queue": "many"}
    assert seen == [(*rest, {**info, **ours}, kind, encoding) for *rest, info, kind, encoding in expected]


def test_what_asks_the_broker_in_the_midst_gets_its_answer_and_no_message_is_lost(reading_ahead: Connection) -> None:
    channel = reading_ahead.default_channel
    arrived: list[Message] = []
    answers: list[int] = []
    asking: list[Message] = []

    def ask(message: Message) -> None:
        arrived.append(message)
        if not asking:  # a message that arrives meanwhile is handled within
            asking.append(message)
            answers.append(channel.queue_declare("many", passive=True).consumer_count)
            asking.clear()

    consumer(reading_ahead, ask)

    eventually(lambda: not drain(reading_ahead.connection) and len(arrived) >= 60 * len(MESSAGES), what="all of them")
    assert [message.delivery_tag for message in arrived] == list(range(1, 60 * len(MESSAGES) + 1))
    assert set(answers) == {1}


def test_a_connection_that_the_broker_has_closed_is_an_error(reading_ahead: Connection) -> None:
    opened = reading_ahead.connection
    opened.transport.sock.shutdown(2)

    with pytest.raises(OSError, match=r"closed connection|reset by peer"):
        opened.drain_arrived()

    assert not opened.connected
