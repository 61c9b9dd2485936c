"""Settling: nothing is acknowledged before it is stored, and nothing is stored that comes again anyway."""

from collections.abc import Callable
from itertools import count
from threading import Event
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from celery.exceptions import Reject
from celery.worker import state
from django.db import connection
from kombu.message import Message as BrokerMessage

from ledger.journal import Posted
from ledger.journal.parking import ToPark
from ledger.messages import Message
from ledger.models import Account, ParkedMessage
from ledger.outcomes import ParkReason
from tasks.deliveries import Delivery, whole
from tasks.gathering import Gatherer
from tasks.handing import Handed
from tasks.handlers import open_account as open_account_task
from tasks.posting import post_requests
from tests.databases import default_connection_to
from tests.ledger.builders import open_account, request
from tests.tasks.channels import Broker

MAX_BATCH = 500


class Consumer:
    """A worker's consumer without its two threads: runs are carried out when it is told to work, in order."""

    def __init__(self) -> None:
        self.app = SimpleNamespace(conf={"max_batch": MAX_BATCH})
        self.connection_errors = (ConnectionError,)
        self.event_dispatcher = None
        self.task_consumer = None
        self.pool = self
        self.timer = self
        self.later: list[Callable[[], None]] = []
        self._runs: list[Callable[[], None]] = []

    def apply_async(self, run: Callable[[], None], callback: Any) -> None:
        """The pool's."""
        self._runs.append(run)

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        callback(*args)

    def call_after(self, seconds: float, callback: Callable[[], None]) -> None:
        """The timer's."""
        assert seconds > 0
        self.later.append(callback)

    def work(self) -> None:
        """Carry out every run that was started, and those that they start."""
        while self._runs:
            self.work_once()

    def work_once(self) -> None:
        """Carry out the run that was started first."""
        self._runs.pop(0)()


class Watching(Broker):
    """Notes what is committed when a message is acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: list[tuple[int, int]] = []

    def basic_ack(self, *args: Any, **options: Any) -> None:
        assert not connection.in_atomic_block
        self.committed.append((Account.objects.count(), ParkedMessage.objects.count()))
        super().basic_ack(*args, **options)


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def gatherer(consumer: Consumer) -> Gatherer:
    return Gatherer(consumer)


def opening(broker: Broker) -> Delivery:
    """A message that opens an account."""
    message = broker.deliver()
    return Delivery(message, "credits.open_account", requests=[request(open_account())])


def malformed(broker: Broker) -> Delivery:
    """A message that is no command."""
    message = broker.deliver(body=b"no command")
    return Delivery(message, "", parked=[ToPark(message=whole(message), reason=ParkReason.NOT_A_TASK)])


def openings_of_either_share(broker: Broker, gatherer: Gatherer) -> Delivery:
    """A message that asks for so much of each share of the merchants that each part fills a batch."""
    both = [open_account(merchant_id=UUID(int=number)) for number in range(2 * gatherer.max_batch)]
    return Delivery(broker.deliver(), "credits.consume_many", requests=[request(command) for command in both])


def two_behind_celerys_own(gatherer: Gatherer, broker: Broker) -> BrokerMessage:
    """Have two messages arrive, for a batch each, behind one that Celery carries out; that one."""
    celerys_own: BrokerMessage = broker.deliver()
    gatherer.max_batch = 1
    gatherer.expect(celerys_own)
    for each in (opening(broker), opening(broker)):
        gatherer.add(each)
    return celerys_own


def test_a_message_is_acknowledged_only_once_its_outcome_is_stored(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    broker = Watching()
    gatherer.add(opening(broker))

    consumer.work()

    assert (broker.committed, broker.unacknowledged) == ([(1, 0)], set())


def test_a_malformed_message_is_stored_before_it_is_acknowledged(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    broker = Watching()
    gatherer.add(malformed(broker))

    consumer.work()

    assert (broker.committed, broker.unacknowledged) == ([(0, 1)], set())


def test_messages_of_a_batch_that_could_not_be_carried_out_go_back_to_the_broker(
    own_database: str, gatherer: Gatherer, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr("tasks.parking.park", fail)
    monkeypatch.setattr("tasks.gathering.PAUSE_S", 0)
    broker = Broker()
    gatherer.add(malformed(broker))

    consumer.work()

    assert (broker.frames, broker.returned) == ([], [1])


def test_a_message_in_two_parts_is_acknowledged_only_with_the_last(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    broker = Watching()
    gatherer.max_batch = 2
    gatherer.add(openings_of_either_share(broker, gatherer))

    consumer.work_once()
    assert (Account.objects.count(), broker.committed, gatherer.figures["messages"]) == (2, [], 0)
    consumer.work()

    assert (broker.committed, broker.unacknowledged, gatherer.figures["messages"]) == ([(4, 0)], set(), 1)


@pytest.mark.parametrize("fails", [{1}, {2}, {1, 2}], ids=str)
def test_a_message_of_which_a_part_could_not_be_carried_out_goes_back_once(
    own_database: str, gatherer: Gatherer, consumer: Consumer, monkeypatch: pytest.MonkeyPatch, fails: set[int]
) -> None:
    parts = count(1)

    def post(requests: Any) -> Posted:
        if next(parts) in fails:
            raise RuntimeError("a defect of ours")
        return post_requests(requests)

    monkeypatch.setattr("tasks.gathering.post_requests", post)
    monkeypatch.setattr("tasks.gathering.PAUSE_S", 0)
    broker = Broker()
    gatherer.max_batch = 2
    gatherer.add(openings_of_either_share(broker, gatherer))

    consumer.work()

    assert (broker.frames, broker.returned, Account.objects.count()) == ([], [1], 4 - 2 * len(fails))


def test_a_worker_that_stops_while_the_database_is_away_acknowledges_nothing(
    own_database: str, gatherer: Gatherer, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.posting.pause", lambda _: False)
    broker = Broker()
    gatherer.add(opening(broker))

    with default_connection_to(own_database.rsplit("/", 1)[0] + "/nowhere/nothing"):
        consumer.work()

    assert (broker.frames, broker.unacknowledged) == ([], {1})


def test_what_an_unsettled_message_stands_before_is_acknowledged_once_nothing_follows(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    broker = Broker()
    celerys_own = two_behind_celerys_own(gatherer, broker)

    consumer.work()

    assert broker.unacknowledged == {celerys_own.delivery_tag}


def test_a_worker_that_stops_leaves_nothing_committed_unacknowledged(
    own_database: str, gatherer: Gatherer, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, told_to_stop = Broker(), Event()
    monkeypatch.setattr("tasks.gathering.stopping", told_to_stop)
    celerys_own = two_behind_celerys_own(gatherer, broker)

    told_to_stop.set()
    consumer.work_once()

    assert len(broker.frames) == 1
    assert celerys_own.delivery_tag in broker.unacknowledged


def test_what_is_buffered_is_dropped_with_its_connection(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    gatherer.add(opening(Broker()))

    gatherer.forget()
    consumer.work()

    assert not Account.objects.exists()


def test_a_task_that_waited_while_its_connection_was_lost_is_not_run(own_database: str) -> None:
    lost = Broker()
    lost.is_open = False
    account = open_account().model_dump(mode="json", exclude_unset=True)

    open_account_task.push_request(id="1", handed=Handed(Message("credits.grants", "", b""), account, None, lost))
    with pytest.raises(Reject) as rejected:
        open_account_task(**account)
    open_account_task.pop_request()

    assert rejected.value.requeue
    assert not Account.objects.exists()


@pytest.mark.parametrize("is_stopping", [False, True])
def test_what_celery_gives_back_goes_in_a_moment_while_nobody_waits_or_at_once_in_a_stop(
    gatherer: Gatherer, consumer: Consumer, monkeypatch: pytest.MonkeyPatch, is_stopping: bool
) -> None:
    monkeypatch.setattr("tasks.gathering.stopping", SimpleNamespace(is_set=lambda: is_stopping))
    broker = Broker()
    message = broker.deliver()
    gatherer.expect(message)

    gatherer.give_back_later(message, None, (), True)
    at_once = [*broker.returned]
    for give_back in consumer.later:
        give_back()

    assert at_once == ([message.delivery_tag] if is_stopping else [])
    assert broker.returned == [message.delivery_tag]


def test_what_is_parked_is_counted_under_no_name_that_its_sender_chose(
    own_database: str, gatherer: Gatherer, consumer: Consumer
) -> None:
    broker, name = Broker(), "of-a-sender-who-never-uses-one-twice"
    parked = malformed(broker)
    parked.name = name

    gatherer.add(parked)
    gatherer.add(opening(broker))
    consumer.work()

    assert gatherer.figures["messages"] == 2
    assert name not in state.total_count
    assert state.total_count["credits.open_account"] >= 1
