"""The window: as many messages ahead as ask for about as much, whether they are small or large."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from kombu.common import QoS
from kombu.message import Message as BrokerMessage

from ledger.commands import ConsumeMatch
from ledger.fields import MAX_ITEMS
from ledger.requests import Request
from tasks import window
from tasks.deliveries import Delivery
from tasks.shutdown import Flag
from tasks.window import Window

FIRST = 16
FULL = FIRST * MAX_ITEMS


class Worker:
    """A worker's consumer of a broker whose window can be changed as it is; it does at once what is to be soon."""

    def __init__(self) -> None:
        self.initial_prefetch_count = FIRST
        self.task_consumer = SimpleNamespace(channel=object())
        self.told: list[int] = []
        self.qos = QoS(lambda prefetch_count: self.told.append(prefetch_count), FIRST)
        self.window = Window(self)

    def call_soon(self, callback: Callable[[], None]) -> None:
        callback()

    def take(self, messages: int, *, requests: int, channel: object | None = None) -> None:
        """So many messages arrive, each with so many requests."""
        for _ in range(messages):
            message = BrokerMessage(body="", channel=channel or self.task_consumer.channel)
            self.window.note(Delivery(message, "credits.consume_match", requests=[consumption()] * requests))


def consumption() -> Request:
    """A request."""
    fields = {"merchant_id": str(uuid4()), "match_id": "m", "shopper_id": "s", "matched_items_count": 1}
    return Request(ConsumeMatch.model_validate(fields), "c")


def test_it_grows_to_its_full_width_while_messages_are_small() -> None:
    worker = Worker()

    worker.take(1_000, requests=1)

    assert FULL // 2 < worker.qos.value <= FULL
    assert worker.told == sorted(worker.told)


def test_it_stays_as_it_begins_while_messages_are_of_the_largest() -> None:
    worker = Worker()

    worker.take(1_000, requests=MAX_ITEMS)

    assert worker.told == []


def test_it_shrinks_where_messages_become_large_and_grows_again() -> None:
    worker = Worker()
    worker.take(1_000, requests=1)

    worker.take(300, requests=MAX_ITEMS)
    narrow = worker.qos.value
    worker.take(1_000, requests=1)

    assert narrow < 4 * FIRST
    assert worker.qos.value > FULL // 2


def test_a_single_large_message_among_small_ones_changes_little() -> None:
    worker = Worker()
    worker.take(1_000, requests=1)
    worker.told.clear()

    worker.take(1, requests=MAX_ITEMS)
    worker.take(200, requests=1)

    assert len(worker.told) <= 5


def test_what_comes_by_another_channel_or_is_parked_does_not_count() -> None:
    worker = Worker()

    worker.take(1_000, requests=1, channel=object())
    worker.take(1_000, requests=0)

    assert worker.told == []


def test_a_new_connection_begins_as_the_first_did() -> None:
    worker = Worker()
    worker.take(1_000, requests=1)
    worker.told.clear()

    worker.window.forget()
    worker.take(60, requests=1)

    assert worker.told == [pytest.approx(2 * FIRST, abs=2)]


def test_a_worker_that_stops_or_has_no_connection_begins_no_consuming(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    later: list[Any] = []
    worker.call_soon = later.append  # type: ignore[method-assign]
    worker.take(60, requests=1)
    stopping = Flag()
    stopping.set()

    with monkeypatch.context() as patched:
        patched.setattr(window, "stopping", stopping)
        later.pop()()
    worker.task_consumer = None  # type: ignore[assignment]
    worker.window._change()

    assert worker.told == []
