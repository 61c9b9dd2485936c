"""Acknowledging: whatever the order of things, each message is acknowledged exactly once, and none too early."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from kombu.message import Message as BrokerMessage

from tasks.acknowledging import Acknowledger
from tests.tasks.channels import Broker

CONSUMER = SimpleNamespace(connection_errors=(ConnectionError,), channel_errors=())
POSITIONS = st.integers(min_value=0, max_value=1_000_000)


class AnyOrder(RuleBasedStateMachine):
    """Messages arrive on two channels, and are settled, acknowledged or returned in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.acknowledger = Acknowledger(CONSUMER)
        self.brokers = (Broker(), Broker())
        self.in_hand: list[BrokerMessage] = []
        self.may_wait: list[BrokerMessage] = []

    @rule(broker=st.integers(min_value=0, max_value=1), times=st.sampled_from([1, 1, 1, 2]))
    def one_arrives(self, broker: int, times: int) -> None:
        message = self.brokers[broker].deliver()
        for _ in range(times):
            self.acknowledger.expect(message)
        self.in_hand.append(message)

    @rule(broker=st.integers(min_value=0, max_value=1))
    def one_arrives_that_nobody_has_told_of(self, broker: int) -> None:
        self.in_hand.append(self.brokers[broker].deliver())

    @rule(positions=st.lists(POSITIONS, max_size=6))
    @precondition(lambda self: self.in_hand)
    def some_are_settled(self, positions: list[int]) -> None:
        self.acknowledger.settle([self._hand_over(position) for position in positions if self.in_hand])
        self.may_wait = []

    @rule(positions=st.lists(POSITIONS, max_size=6))
    @precondition(lambda self: self.in_hand)
    def some_are_settled_that_may_wait(self, positions: list[int]) -> None:
        settled = [self._hand_over(position) for position in positions if self.in_hand]
        self.may_wait += settled
        self.acknowledger.settle(settled, at_once=False)

    @rule()
    def all_are_settled(self) -> None:
        messages, self.in_hand = self.in_hand, []
        self.acknowledger.settle(messages)
        self.may_wait = []

    @rule(position=POSITIONS)
    @precondition(lambda self: self.in_hand)
    def one_is_acknowledged_elsewhere(self, position: int) -> None:
        self._hand_over(position).ack()

    @rule(position=POSITIONS)
    @precondition(lambda self: self.in_hand)
    def one_is_returned_elsewhere(self, position: int) -> None:
        self._hand_over(position).requeue()

    @invariant()
    def the_broker_still_holds_what_is_in_hand_and_nothing_but_what_may_wait(self) -> None:
        for broker in self.brokers:
            mine = {message.delivery_tag for message in self.in_hand if message.channel is broker}
            waiting = {message.delivery_tag for message in self.may_wait if message.channel is broker}
            assert mine <= broker.unacknowledged <= mine | waiting

    def _hand_over(self, position: int) -> BrokerMessage:
        return self.in_hand.pop(position % len(self.in_hand))


AnyOrder.TestCase.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)
TestAnyOrder = AnyOrder.TestCase


def arrived(acknowledger: Acknowledger, broker: Broker, count: int) -> list[BrokerMessage]:
    """So many messages that have arrived."""
    messages = [broker.deliver() for _ in range(count)]
    for message in messages:
        acknowledger.expect(message)
    return messages


def test_a_run_of_messages_is_acknowledged_by_one_frame() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    messages = arrived(acknowledger, broker, 500)

    acknowledger.settle(messages)

    assert broker.frames == [(500, True)]


def test_a_message_that_nobody_has_told_of_is_not_covered_by_those_behind_it() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    first = arrived(acknowledger, broker, 3)
    untold = broker.deliver()
    last = arrived(acknowledger, broker, 3)

    acknowledger.settle([*first, *last])

    assert broker.unacknowledged == {untold.delivery_tag}


def test_a_message_that_is_not_settled_yet_is_not_covered_by_those_behind_it() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    *first, unsettled, last = arrived(acknowledger, broker, 5)

    acknowledger.settle([*first, last])

    assert broker.unacknowledged == {unsettled.delivery_tag}


def test_what_may_wait_is_acknowledged_with_what_stood_before_it_by_one_frame() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    messages = arrived(acknowledger, broker, 500)

    acknowledger.settle(messages[1::2], at_once=False)
    assert broker.frames == []
    acknowledger.settle(messages[::2], at_once=False)

    assert broker.frames == [(500, True)]


def test_what_may_wait_does_so_no_longer_than_until_something_is_settled_at_once() -> None:
    acknowledger, broker, other = Acknowledger(CONSUMER), Broker(), Broker()
    first, second = arrived(acknowledger, broker, 2)

    acknowledger.settle([second], at_once=False)
    acknowledger.settle(arrived(acknowledger, other, 1))

    assert (broker.unacknowledged, other.unacknowledged) == ({first.delivery_tag}, set())


def test_what_may_wait_waits_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a broker's consumer_timeout would find it, close the channel, and have all of it done again."""
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    first, *others = arrived(acknowledger, broker, 4)

    acknowledger.settle(others[:1], at_once=False)
    monkeypatch.setattr("tasks.acknowledging.LONGEST_WAIT_S", -1.0)
    acknowledger.settle(others[1:2], at_once=False)

    assert broker.unacknowledged == {first.delivery_tag, others[2].delivery_tag}


def test_of_what_is_acknowledged_behind_something_that_takes_long_nothing_is_kept_but_its_tag() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    first, *others = arrived(acknowledger, broker, 1_000)

    acknowledger.settle(others)
    kept = [message for message in acknowledger._arrived[first.channel].values() if message is not None]
    acknowledger.settle([first])

    assert kept == [first]
    assert (broker.unacknowledged, dict(acknowledger._arrived[first.channel])) == (set(), {})


def test_before_its_connection_is_closed_what_may_wait_is_acknowledged() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    first, second = arrived(acknowledger, broker, 2)

    acknowledger.settle([second], at_once=False)
    acknowledger.forget()
    acknowledger.settle([first])

    assert (broker.frames, broker.unacknowledged) == ([(2, False), (1, True)], set())


def test_a_connection_that_breaks_as_it_is_forgotten_is_forgotten_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    _, second = arrived(acknowledger, broker, 2)
    acknowledger.settle([second], at_once=False)
    monkeypatch.setattr(broker, "basic_ack", broken)

    acknowledger.forget()

    assert not second.acknowledged


def test_what_waits_for_messages_that_are_given_back_waits_no_longer() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    first, second = arrived(acknowledger, broker, 2)

    acknowledger.settle([second], at_once=False)
    acknowledger.give_back([first])

    assert (broker.frames, broker.returned) == ([(2, True)], [1])


def test_a_message_that_is_told_of_twice_counts_once() -> None:
    acknowledger, broker = Acknowledger(CONSUMER), Broker()
    (message,) = arrived(acknowledger, broker, 1)
    acknowledger.expect(message)

    acknowledger.settle([message])
    acknowledger.settle(arrived(acknowledger, broker, 1))

    assert [tag for tag, _ in broker.frames] == [1, 2]


def test_nothing_is_acknowledged_on_a_closed_channel() -> None:
    acknowledger, broker, other = Acknowledger(CONSUMER), Broker(), Broker()
    messages = [*arrived(acknowledger, broker, 3), *arrived(acknowledger, other, 2)]
    broker.is_open = False

    acknowledger.settle(messages)

    assert (broker.frames, broker.unacknowledged) == ([], {1, 2, 3})
    assert other.unacknowledged == set()


def test_nothing_is_acknowledged_on_a_closed_channel_of_redis() -> None:
    """Celery closes the one of its control commands where it can't read a command, which is parked all the same."""
    gone = SimpleNamespace(closed=True, no_ack_consumers=set())  # what it has of Redis is gone too
    message = BrokerMessage(body=b"", delivery_tag="tag", channel=gone)

    Acknowledger(CONSUMER).settle([message])

    assert not message.acknowledged


def test_after_a_reconnect_tags_begin_anew() -> None:
    acknowledger, before, after = Acknowledger(CONSUMER), Broker(), Broker()
    old: list[Any] = arrived(acknowledger, before, 3)
    before.is_open = False
    acknowledger.forget()

    new = arrived(acknowledger, after, 2)
    acknowledger.settle([*old, new[0]])

    assert (before.frames, after.unacknowledged) == ([], {2})
