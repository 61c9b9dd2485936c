"""Sending many: chunk by chunk, every failure listed at its place, everything else confirmed."""

import pytest
from credits_client import (
    ConsumeMatch,
    DeliveryUnknown,
    FieldRefused,
    Grant,
    Interrupted,
    Nacked,
    SomeFailed,
    Unroutable,
)
from credits_client.bulk import Bulk
from credits_client.flight import CONFIRMED
from credits_client.messages import Sender

from tests.client import examples


class Carrier:
    """Answers as it is told, by the place among all messages; keeps the size of each chunk."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.chunks = []
        self.delivered = 0

    def __call__(self, messages):
        self.chunks.append(len(messages))
        answers = []
        for message in messages:
            error = self.answers.get(self.delivered)
            answers.append(CONFIRMED if error is None else error(message.message_id, "as told"))
            self.delivered += 1
        return answers


def send(sendables, *, carrier, chunk_messages=10, failure_limit=1_000):
    bulk = Bulk(deliver=carrier, sender=Sender("tests"), chunk_messages=chunk_messages, failure_limit=failure_limit)
    return bulk.send(sendables)


def matches(count):
    return (ConsumeMatch(**examples.match(number)) for number in range(count))


@pytest.mark.parametrize(("count", "chunks"), [(0, []), (1, [1]), (10, [10]), (25, [10, 10, 5])])
def test_every_command_is_sent_once_in_chunks(count, chunks):
    carrier = Carrier()

    report = send(matches(count), carrier=carrier)

    assert carrier.chunks == chunks
    assert (report.taken, report.confirmed, report.failures) == (count, count, [])


def test_no_more_than_one_chunk_is_taken_before_it_is_sent():
    carrier = Carrier()
    ahead = []

    def watched():
        for number, command in enumerate(matches(35)):
            ahead.append(number - carrier.delivered)
            yield command

    send(watched(), carrier=carrier)

    assert max(ahead) == 9


def test_a_chunk_of_large_messages_is_bounded_in_bytes():
    carrier = Carrier()
    large = Grant(**examples.ITEM, metadata={"x": "x" * 8_000})

    send((large for _ in range(1_500)), carrier=carrier, chunk_messages=10_000)

    assert sum(carrier.chunks) == 1_500
    assert max(carrier.chunks) * 8_000 < 4.1 * 1024 * 1024


def test_each_failure_is_listed_at_its_place():
    carrier = Carrier({3: Unroutable, 17: Nacked})

    report = send(matches(25), carrier=carrier)

    assert [(failure.position, type(failure.error)) for failure in report.failures] == [(3, Unroutable), (17, Nacked)]
    assert report.failures[1].what == ConsumeMatch(**examples.match(17))
    assert report.confirmed == 23


def test_a_refused_command_is_listed_and_the_others_are_sent():
    given = [("credits.purchase", {**examples.PURCHASE, "credits": credits}) for credits in (1, 0, 2)]

    report = send(given, carrier=Carrier())

    assert (report.taken, report.confirmed) == (3, 2)
    (failure,) = report.failures
    assert isinstance(failure.error, FieldRefused)
    assert (failure.position, failure.what, failure.error.field) == (1, given[1], "credits")


def test_an_unknown_delivery_stops_it_and_tells_what_was_confirmed():
    carrier = Carrier(dict.fromkeys(range(12, 20), DeliveryUnknown))

    with pytest.raises(Interrupted) as interrupted:
        send(matches(100), carrier=carrier)

    report = interrupted.value.report
    assert (report.taken, report.confirmed) == (20, 12)
    assert [failure.position for failure in report.failures] == list(range(12, 20))
    assert isinstance(interrupted.value.__cause__, DeliveryUnknown)


def test_what_was_taken_is_sent_before_the_callers_own_error_rises():
    def broken():
        yield from matches(13)
        raise LookupError("the caller's database")

    carrier = Carrier()

    with pytest.raises(Interrupted, match="the caller's database") as interrupted:
        send(broken(), carrier=carrier)

    assert (interrupted.value.report.taken, interrupted.value.report.confirmed) == (13, 13)
    assert isinstance(interrupted.value.__cause__, LookupError)


def test_too_many_failures_stop_it():
    carrier = Carrier(dict.fromkeys(range(1000), Unroutable))

    with pytest.raises(Interrupted, match="5 failures are enough") as interrupted:
        send(matches(1_000), carrier=carrier, failure_limit=5)

    assert interrupted.value.report.taken == 10


def test_too_many_refusals_stop_it_too():
    endless = iter(lambda: ("credits.purchase", {}), None)

    with pytest.raises(Interrupted) as interrupted:
        send(endless, carrier=Carrier(), failure_limit=5)

    assert interrupted.value.report.taken == 5


def test_a_report_with_failures_raises_when_asked():
    report = send(matches(3), carrier=Carrier({1: Nacked}))

    with pytest.raises(SomeFailed, match="1 of 3 failed, the first with Nacked") as failed:
        report.raise_for_failures()

    assert failed.value.report is report


def test_a_report_without_failures_raises_nothing():
    send(matches(3), carrier=Carrier()).raise_for_failures()


@pytest.mark.parametrize("bound", ["chunk_messages", "failure_limit"])
def test_a_bound_below_one_is_a_mistake(bound):
    with pytest.raises(ValueError, match="at least 1"):
        send(matches(1), carrier=Carrier(), **{bound: 0})
