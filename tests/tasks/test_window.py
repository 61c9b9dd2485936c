"""The window: as many messages ahead as ask for about as much, whether they are small or large."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from amqp import Channel
from kombu.common import QoS
from kombu.message import Message as BrokerMessage

from ledger.commands import ConsumeMatch
from ledger.fields import MAX_ITEMS
from ledger.requests import Request
from tasks import window
from tasks.deliveries import Delivery
from tasks.shutdown import Flag
from tasks.window import LARGE, SAMPLE, SMALL, Window

NARROW = 16
WIDE = NARROW * MAX_ITEMS


class Transport:
    """A connection's, with whatever time-out it was given."""

    def __init__(self) -> None:
        self.timeout_s: float | None = None

    def having_timeout(self, timeout_s: float) -> "Transport":
        """py-amqp's."""
        self.timeout_s = timeout_s
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self.timeout_s = None


class RabbitMQ(Channel):
    """A channel of py-amqp's with nothing behind it."""

    def __init__(self) -> None:
        self.connection = SimpleNamespace(transport=Transport())


class Worker:
    """A worker's consumer, which does at once what is to be soon, and notes what it tells the broker."""

    def __init__(self, channel: object | None = None, *, first: int = NARROW) -> None:
        self.initial_prefetch_count = first
        self.channel = channel or object()
        self.told: list[Any] = []
        self.task_consumer = SimpleNamespace(
            channel=self.channel, cancel=lambda: self._tell("cancel"), consume=lambda: self._tell("consume")
        )
        self.qos = QoS(lambda prefetch_count: self._tell(prefetch_count), first)
        self.window = Window(self)

    def _tell(self, what: Any) -> None:
        if isinstance(self.channel, RabbitMQ):
            assert self.channel.connection.transport.timeout_s
        self.told.append(what)

    def call_soon(self, callback: Callable[[], None]) -> None:
        callback()

    def take(self, messages: int, *, requests: int, channel: object | None = None) -> None:
        """So many messages arrive, each with so many requests."""
        for _ in range(messages):
            message = BrokerMessage(body="", channel=channel or self.channel)
            self.window.note(Delivery(message, "credits.consume_match", requests=[consumption()] * requests))


def consumption() -> Request:
    """A request."""
    fields = {"merchant_id": str(uuid4()), "match_id": "m", "shopper_id": "s", "matched_items_count": 1}
    return Request(ConsumeMatch.model_validate(fields), "c")


def test_it_is_widened_once_where_messages_are_small() -> None:
    worker = Worker()

    worker.take(10 * SAMPLE, requests=1)

    assert worker.told == [WIDE]


def test_on_rabbitmq_consuming_begins_anew_by_which_it_learns_of_the_width_and_nobody_waits_for_ever() -> None:
    worker = Worker(RabbitMQ())

    worker.take(10 * SAMPLE, requests=1)

    assert worker.told == [WIDE, "cancel", "consume"]


def test_it_stays_narrow_while_messages_are_of_the_largest() -> None:
    worker = Worker()

    worker.take(10 * SAMPLE, requests=MAX_ITEMS)

    assert worker.told == []


def test_it_is_narrowed_where_messages_become_large_and_widened_where_they_are_small_again() -> None:
    worker = Worker()

    for requests in (1, MAX_ITEMS, 1):
        worker.take(2 * SAMPLE, requests=requests)

    assert worker.told == [WIDE, NARROW, WIDE]


@pytest.mark.parametrize("every", [10, 100])
def test_large_messages_among_small_ones_change_nothing(every: int) -> None:
    worker = Worker()
    worker.take(SAMPLE, requests=1)

    for _ in range(2_000 // every):
        worker.take(1, requests=MAX_ITEMS)
        worker.take(every - 1, requests=1)

    assert worker.told == [WIDE]


@pytest.mark.parametrize("is_wide", [False, True])
def test_messages_of_middling_size_leave_it_as_it_is(is_wide: bool) -> None:
    worker = Worker()
    worker.take(SAMPLE * is_wide, requests=1)
    worker.told.clear()

    for requests in (int(SMALL) + 1, int(LARGE)):
        worker.take(3 * SAMPLE, requests=requests)

    assert worker.told == []


def test_what_comes_by_another_channel_or_is_parked_does_not_count() -> None:
    worker = Worker()

    worker.take(2 * SAMPLE, requests=1, channel=object())
    worker.take(2 * SAMPLE, requests=0)

    assert worker.told == []


def test_a_new_connection_begins_narrow() -> None:
    worker = Worker()
    worker.take(SAMPLE, requests=1)

    worker.window.forget()
    worker.take(SAMPLE, requests=1)

    assert worker.told == [WIDE]  # not NARROW: Celery has told the new connection so already
    worker.take(SAMPLE, requests=MAX_ITEMS)
    assert worker.told == [WIDE, NARROW]


@pytest.mark.parametrize(("first", "told"), [(0, []), (200, [65_535])])
def test_no_window_stays_none_and_none_is_wider_than_the_broker_can_be_told(first: int, told: list[int]) -> None:
    worker = Worker(first=first)

    worker.take(2 * SAMPLE, requests=1)

    assert worker.told == told


def test_a_worker_that_stops_or_has_no_connection_begins_no_consuming(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    later: list[Any] = []
    worker.call_soon = later.append  # type: ignore[method-assign]
    worker.take(SAMPLE, requests=1)
    stopping = Flag()
    stopping.set()

    with monkeypatch.context() as patched:
        patched.setattr(window, "stopping", stopping)
        later[0]()
    worker.task_consumer = None  # type: ignore[assignment]
    later[0]()

    assert worker.told == []
