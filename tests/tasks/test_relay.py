"""The relay: an outbox row is marked as published once the broker has confirmed it, and not before."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from django.db import OperationalError

from creditsvc.celery import app
from ledger.journal.outbox import Recorded, record_message
from ledger.journal.post import post_batch
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow, ParkedMessage
from ledger.rules.batch import Waiting
from tasks.notifiers import notify_low_balance
from tasks.outgoing import Outgoing, outgoing
from tasks.packing import packed
from tasks.publishing import Published
from tasks.relay import Relay
from tests.ledger.builders import grant, open_account, requests
from tests.ledger.outbox_rows import each_apart, to_publish
from tests.ledger.raw_sql import execute, on_postgresql
from tests.processes import eventually

pytestmark = pytest.mark.usefixtures("own_database")


class Line:
    """A way to a broker that does with messages as it is told."""

    def __init__(self, publish: Callable[[Sequence[Outgoing]], Published]) -> None:
        self.publish = publish
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Line]]:
    """Has the relay's connections be these, one after the other."""

    def connect(*publish: Callable[[Sequence[Outgoing]], Published]) -> list[Line]:
        lines = [Line(each) for each in publish]
        following: Iterator[Line] = iter(lines)
        monkeypatch.setattr("tasks.relay.publisher_for", lambda _: next(following))
        return lines

    return connect


def recorded(count: int) -> list[Recorded]:
    """So many events that have just been recorded."""
    opening = open_account()
    grants = [grant(merchant_id=opening.merchant_id) for _ in range(count)]
    return post_batch([Waiting(request) for request in requests(opening, *grants)]).recorded


def marked() -> set[object]:
    """The rows that are marked as published."""
    return set(OutboxRow.objects.exclude(batch__published_at=None).values_list("id", flat=True))


def confirm(messages: Sequence[Outgoing]) -> Published:
    return Published(confirmed={message.id for message in messages})


def test_a_row_is_marked_only_once_the_broker_has_it(connect: Callable[..., list[Line]]) -> None:
    confirmed, refused = recorded(2)
    marked_meanwhile = []

    def confirm_the_first(messages: Sequence[Outgoing]) -> Published:
        marked_meanwhile.append(marked())
        return Published(confirmed={messages[0].id}, error="the broker refused it")

    connect(confirm_the_first)

    assert Relay().publish([confirmed, refused]) == 1

    assert (marked_meanwhile, marked()) == ([set()], {confirmed.id})
    assert OutboxRow.objects.get(id=refused.id).batch.last_error == "the broker refused it"


@pytest.mark.servers
@on_postgresql
def test_a_row_is_marked_though_the_connection_was_cut_while_the_broker_was_waited_for(
    connect: Callable[..., list[Line]], own_database: str
) -> None:
    (row,) = recorded(1)

    def cut_meanwhile(messages: Sequence[Outgoing]) -> Published:
        with closing(psycopg2.connect(own_database)) as elsewhere, elsewhere.cursor() as cursor:
            elsewhere.autocommit = True  # within a transaction it would see the same sessions again and again
            (backend,) = execute("SELECT pg_backend_pid()")
            cursor.execute("SELECT pg_terminate_backend(%s)", backend)
            is_there = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
            eventually(lambda: cursor.execute(is_there, backend) or not cursor.fetchall())
        return confirm(messages)

    connect(cut_meanwhile)

    assert Relay().publish([row]) == 1

    assert marked() == {row.id}


def test_what_cannot_be_marked_is_tried_once_more_and_left_to_the_sweep(
    connect: Callable[..., list[Line]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = recorded(1)
    tries = []

    def fail(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise OperationalError("the connection was cut")

    connect(confirm)
    monkeypatch.setattr("tasks.relay.mark", fail)

    assert Relay().publish([row]) == 1

    assert (len(tries), marked()) == (2, set())


def test_events_that_nobody_takes_hold_up_nothing_that_goes_straight_to_a_queue(
    connect: Callable[..., list[Line]],
) -> None:
    recorded(9)
    each_apart()
    now = datetime.now(UTC)
    message = Message("credits.consume", "credits.consume", b"[[], {}, {}]", headers={"id": "1"})
    id_ = record_message(queue=message.queue, message=message.as_text(), correlation_id="c", at=now)
    OutboxBatch.objects.filter(destination="event").update(publish_after=now - timedelta(hours=1))

    def refuse_events(messages: Sequence[Outgoing]) -> Published:
        return Published(confirmed={each.id for each in messages if not each.exchange})

    connect(refuse_events)
    Relay().sweep(limit=2)

    assert marked() == {id_}


def test_a_publisher_that_failed_is_never_used_again(connect: Callable[..., list[Line]]) -> None:
    (late,), (following,) = recorded(1), recorded(1)

    def be_late(_: Sequence[Outgoing]) -> Published:
        raise TimeoutError("not confirmed in time")

    first, second = connect(be_late, confirm)
    relay = Relay()

    results = [relay.publish([late]), relay.publish([following])]

    assert (results, marked()) == ([0, 1], {following.id})
    assert (first.is_closed, second.is_closed) == (True, False)


@pytest.mark.parametrize("error", [ValueError("no frame"), OverflowError("no number"), RecursionError("no frame")])
def test_a_row_that_can_not_be_published_at_all_holds_up_no_other(
    connect: Callable[..., list[Line]], error: Exception
) -> None:
    rows = recorded(5)
    guilty = rows[3]

    def choke(messages: Sequence[Outgoing]) -> Published:
        if guilty.id in {message.id for message in messages}:
            raise error
        return confirm(messages)

    connect(*[choke] * 10)

    assert Relay().publish(rows) == 4

    assert marked() == {row.id for row in rows} - {guilty.id}
    assert str(error) in OutboxRow.objects.get(id=guilty.id).batch.last_error


def to_be_sent_again(message: Message) -> Recorded:
    """A stored message, as the relay has it."""
    record_message(queue=message.queue, message=message.as_text(), correlation_id="c", at=datetime.now(UTC))
    (row,) = to_publish()
    return row


@pytest.mark.parametrize(
    ("priority", "is_kept"), [(0, True), (255, True), (256, False), (-1, False), (inf, False), ("1", False)]
)
def test_a_message_that_is_sent_again_keeps_a_priority_that_is_one(priority: Any, is_kept: bool) -> None:
    message = Message("credits.consume", "credits.consume", b"{}", properties={"priority": priority, "type": "t"})

    sent = outgoing(app, to_be_sent_again(message))

    assert sent.properties == ({"type": "t", "priority": priority} if is_kept else {"type": "t"})


@pytest.mark.parametrize("event_type", ["e" * 256, 5, None, ["evt"], "\ud800"])
def test_a_notice_that_can_not_be_published_at_all_is_parked_and_not_tried_for_ever(
    connect: Callable[..., list[Line]], monkeypatch: pytest.MonkeyPatch, event_type: Any
) -> None:
    def pack(messages: Sequence[Outgoing]) -> Published:
        for message in messages:
            packed(message, channel=1, frame_max=131_072)
        return confirm(messages)

    connect(pack, pack)
    monkeypatch.setattr("tasks.notifiers.relay", Relay())
    monkeypatch.setattr("tasks.notifiers.pause", lambda _: False)  # where it would try again, it stops
    envelope = {"event_id": str(uuid4()), "event_type": event_type, "correlation_id": "corr-1"}

    notify_low_balance.apply(kwargs={"envelope": envelope})

    assert [row.reason for row in ParkedMessage.objects.all()] == ["defect"]


def test_a_message_that_the_broker_does_not_take_is_left_to_be_sent_again(connect: Callable[..., list[Line]]) -> None:
    def be_away(_: Sequence[Outgoing]) -> Published:
        raise ConnectionError("reset by peer")

    connect(be_away)

    assert Relay().send([]) is False
