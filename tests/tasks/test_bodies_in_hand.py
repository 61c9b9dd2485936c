"""Bodies in hand: counted from a message's arrival until it is settled, and no longer, or workers would read slowly."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue
from kombu.message import Message as BrokerMessage

from tasks import bounds, gathering, in_hand, transports
from tasks.deliveries import Delivery
from tasks.door import Door
from tasks.encodings import payload_of
from tasks.gathering import Gatherer
from tasks.in_hand import Body
from tests.tasks.channels import Broker


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Nothing goes but what nobody refers to."""
    bounds.install()
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def gatherer() -> Gatherer:
    """One whose runs never start."""
    app = SimpleNamespace(conf={"max_batch": 500})
    never_runs = SimpleNamespace(apply_async=lambda *_, **__: None)
    consumer = SimpleNamespace(
        app=app, pool=never_runs, task_consumer=None, event_dispatcher=None, connection_errors=()
    )
    consumer.call_soon = lambda callback, *args: callback(*args)
    return Gatherer(consumer)


def read(message: BrokerMessage) -> None:
    with suppress(Exception):
        payload_of(message)


def hand_on(message: BrokerMessage) -> None:
    """As kombu does with a message that it could not decompress."""
    door = Door.__new__(Door)
    door.gatherer = SimpleNamespace(expect=lambda _: None, add=lambda _: None)
    message._reraise_error(door.on_decode_error)


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    ("take", "body", "headers"),
    [
        (read, "{no JSON", {}),
        (read, b"{no JSON", {}),
        (read, "[" * 100_000, {}),
        (read, '{"__type__": "decimal", "__value__": "x"}', {}),
        (hand_on, b"not compressed", {"compression": "application/x-gzip"}),
    ],
)
def test_no_error_holds_the_message_that_it_is_about(
    take: Callable[[BrokerMessage], None], body: Any, headers: dict[str, str]
) -> None:
    before = Body.in_hand
    kind = {"content_type": "application/json", "content_encoding": "utf-8", "accept": {"application/json"}}
    message = Broker().deliver(body=body, headers=headers, **kind)
    message.counted = Body(len(body))

    take(message)
    del message

    assert Body.in_hand == before


def test_a_settled_message_counts_no_more(gatherer: Gatherer) -> None:
    before, message = Body.in_hand, Broker().deliver(body=b" " * 1_025)
    gatherer.expect(message)
    counted = Body.in_hand

    gatherer._settle([Delivery(message, "credits.consume")])

    assert (counted - before, Body.in_hand - before, message.body) == (1_025, 0, None)


def test_a_batch_that_has_been_carried_out_is_settled_before_more_is_read(
    gatherer: Gatherer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "SLOWLY_S", 0.2)
    monkeypatch.setattr(gathering, "ENOUGH_REQUESTS", -1)
    gatherer._read_at = time.monotonic()
    said = []

    for _ in range(3):  # each brings less than a read would
        Thread(target=gatherer._carry_out, args=[[Delivery(Broker().deliver(), "credits.consume")]]).start()
        said.append(gatherer.await_room())
    is_read_on_slowly = gatherer.await_room()

    assert (said, is_read_on_slowly) == ([False] * 3, True)


@pytest.mark.servers
def test_nothing_more_is_taken_from_redis_while_there_is_enough(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    transports.install()
    monkeypatch.setattr(in_hand, "ENOUGH_BYTES", Body.in_hand + 1_000)
    taken: list[BrokerMessage] = []

    def take(message: BrokerMessage) -> None:
        message.counted = Body(len(message.body))
        taken.append(message)

    with Connection(redis_url) as connection:
        for _ in range(5):
            connection.Producer().publish("x" * 600, routing_key="bodies")
        with Consumer(connection, [Queue("bodies", no_declare=True)], on_message=take, accept=["json"]):
            arrived = drained(connection, taken)
            while taken:
                taken.pop().ack()  # kombu's own hand still holds it
            arrived += drained(connection, taken)
        for message in taken:
            message.ack()
        taken.clear()

    assert arrived == 4


def drained(connection: Connection, taken: list[BrokerMessage]) -> int:
    """How many messages are there once no more come."""
    with suppress(TimeoutError):
        while True:
            connection.drain_events(timeout=0.5)
    return len(taken)
