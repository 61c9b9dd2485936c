"""Publishing on a real RabbitMQ: what counts as confirmed, whose failure is whose, and what comes after one."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.db import connection
from kombu import Connection, Exchange, Queue

from creditsvc.celery import app
from ledger.journal.outbox import Recorded, record_message
from ledger.journal.post import post_batch
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow
from ledger.rules.batch import Waiting
from tasks.outgoing import Outgoing
from tasks.publishing import Publisher, publisher_for
from tasks.relay import Relay
from tests.databases import default_connection_to
from tests.ledger.builders import grant, open_account, requests

pytestmark = pytest.mark.servers

MERCHANT = uuid4()
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MORE_THAN_A_FRAME = 131_072
EVENTS = Exchange("credits.events", type="topic", durable=True)


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher to a broker on which the exchange of the events, and nothing else, is declared."""
    declare(rabbitmq_url, EVENTS)
    with Celery(broker=rabbitmq_url, set_as_current=False) as bare, closing(publisher_for(bare)) as opened:
        yield opened


@pytest.fixture
def opened(rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The publishers that relays open to such a broker, the latest last."""
    declare(rabbitmq_url, EVENTS)
    publishers: list[Any] = []

    def open_and_note(application: Celery) -> Publisher:
        publishers.append(publisher_for(application))
        return publishers[-1]

    monkeypatch.setattr("tasks.relay.publisher_for", open_and_note)
    before, app.conf.broker_url = app.conf.broker_url, rabbitmq_url
    yield publishers
    app.conf.broker_url = before
    for publisher in publishers:
        publisher.close()


def declare(url: str, *entities: Any) -> None:
    """Declare exchanges or queues."""
    with closing(Connection(url)) as connected:
        for entity in entities:
            entity(connected.default_channel).declare()


def event(routing_key: str = "evt.credits.granted.v1") -> Outgoing:
    """An event, for which nobody needs to be bound."""
    return Outgoing(id=uuid4(), exchange=EVENTS.name, routing_key=routing_key, body=b"{}", must_arrive=False)


def task(queue: str) -> Outgoing:
    """A message to a queue, which must arrive."""
    return Outgoing(id=uuid4(), exchange="", routing_key=queue, body=b"{}", must_arrive=True)


def to_nowhere() -> Outgoing:
    """A message to an exchange that is not there, which the broker answers by closing the channel."""
    return Outgoing(id=uuid4(), exchange="nowhere", routing_key="any", body=b"{}", must_arrive=False)


def recorded() -> Recorded:
    """An event that has just been recorded with its cause."""
    commands = open_account(merchant_id=MERCHANT), grant(merchant_id=MERCHANT)
    (row,) = post_batch([Waiting(request) for request in requests(*commands)]).recorded
    return row


def test_an_event_that_nobody_is_bound_for_is_confirmed_and_counted_as_unrouted(publisher: Publisher) -> None:
    message = event()

    published = publisher.publish([message])

    assert (published.confirmed, published.unrouted, published.error) == ({message.id}, {message.id}, "")


def test_a_message_that_must_arrive_is_not_confirmed_where_its_queue_is_missing(publisher: Publisher) -> None:
    message = task("credits.missing")

    published = publisher.publish([message])

    assert (published.confirmed, published.unrouted) == (set(), set())
    assert "credits.missing" in published.error


def test_a_message_that_the_broker_refuses_is_not_confirmed(publisher: Publisher, rabbitmq_url: str) -> None:
    full = Queue("full", EVENTS, "full", queue_arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    declare(rabbitmq_url, full)
    accepted, refused = event("full"), event("full")

    first, second = publisher.publish([accepted]), publisher.publish([refused])

    assert (first.confirmed, first.unrouted, first.error) == ({accepted.id}, set(), "")
    assert (second.confirmed, second.unrouted) == (set(), set())
    assert second.error


def test_in_one_flight_each_message_is_told_of_by_itself(publisher: Publisher, rabbitmq_url: str) -> None:
    full = Queue("full", EVENTS, "full", queue_arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    declare(rabbitmq_url, full, Queue("free", EVENTS, "free"))
    publisher.publish([event("full")])
    flights = [
        (event("free"), event("full"), event("heard.by.nobody"), task("missing"), task("free")) for _ in range(50)
    ]

    published = publisher.publish([message for flight in flights for message in flight])

    free, refused, unheard, missing, arrived = (
        {message.id for message in messages} for messages in zip(*flights, strict=True)
    )
    assert published.confirmed == free | unheard | arrived
    assert published.unrouted == unheard
    assert not published.confirmed & (refused | missing)
    with closing(Connection(rabbitmq_url)) as connected:
        assert connected.default_channel.queue_declare("free", passive=True).message_count == 100


def test_what_failed_in_one_flight_is_not_held_against_the_next(publisher: Publisher) -> None:
    publisher.publish([task("missing"), event()])
    message = event()

    published = publisher.publish([message])

    assert (published.confirmed, published.unrouted, published.error) == ({message.id}, {message.id}, "")


def test_after_a_failure_the_connection_is_closed_and_the_next_publishing_opens_another(opened: list[Any]) -> None:
    relay = Relay()

    results = [relay.send([message]) for message in (event(), to_nowhere(), event())]

    assert results == [True, False, True]
    first, second = opened
    assert not first.connection.connected
    assert second.connection.connected


def test_a_connection_that_the_broker_has_lost_fails_one_publishing_alone(opened: list[Any]) -> None:
    relay = Relay()
    relay.send([event()])
    opened[0].connection.connection.transport.close()

    results = [relay.send([event()]), relay.send([event()])]

    assert results == [False, True]


def test_rows_are_marked_as_published(own_database: str, opened: list[Any]) -> None:
    row = recorded()

    assert Relay().publish([row]) == 1

    assert OutboxRow.objects.get(id=row.id).batch.published_at is not None
    assert OutboxRow.objects.get(id=row.id).unrouted


def stored(queue: str, *, padding: int = 0) -> OutboxRow:
    """A stored message that is to be sent again to a queue, with so many bytes of headers besides."""
    headers = {"padding": "x" * padding}
    message = Message(queue=queue, name="credits.consume", headers=headers, properties={}, body=b"{}")
    id_ = record_message(queue=queue, message=message.as_text(), correlation_id="corr", at=LONG_AGO)
    return OutboxRow.objects.get(id=id_)


def swept(rows: list[OutboxRow]) -> list[bool]:
    """Have the sweep take all of them; for each whether it is published now."""
    Relay().sweep(limit=100)
    return [OutboxRow.objects.get(id=row.id).batch.published_at is not None for row in rows]


def test_a_row_that_the_broker_refuses_for_ever_holds_up_no_other(
    own_database: str, opened: list[Any], rabbitmq_url: str
) -> None:
    declare(rabbitmq_url, Queue("free"))
    before = [stored("free") for _ in range(5)]
    poison = stored("free", padding=MORE_THAN_A_FRAME)
    after = [stored("free") for _ in range(5)]

    assert swept([*before, poison, *after]) == [True] * 5 + [False] + [True] * 5

    poison.refresh_from_db()
    assert poison.batch.last_error


def test_where_the_exchange_of_the_events_is_gone_the_other_rows_go_on(
    own_database: str, opened: list[Any], rabbitmq_url: str
) -> None:
    declare(rabbitmq_url, Queue("free"))
    with closing(Connection(rabbitmq_url)) as connected:
        connected.default_channel.exchange_delete(EVENTS.name)
    event_row = OutboxRow.objects.get(id=recorded().id)
    OutboxBatch.objects.update(publish_after=LONG_AGO)

    assert swept([event_row, stored("free")]) == [False, True]

    event_row.refresh_from_db()
    assert "no exchange" in event_row.batch.last_error
    assert len(opened) == 1, "events that can't go are not tried one by one"


def test_a_database_that_is_gone_when_rows_are_to_be_marked_is_no_error(own_database: str, opened: list[Any]) -> None:
    row = recorded()
    nowhere = own_database.rsplit("/", 1)[0] + "/nowhere"

    with default_connection_to(nowhere):
        confirmed = Relay().publish([row])

    assert confirmed == 1
    assert OutboxRow.objects.get(id=row.id).batch.published_at is None


def test_a_connection_that_ends_when_rows_are_to_be_marked_is_no_error(own_database: str, opened: list[Any]) -> None:
    row = recorded()

    # What psycopg2 then finds, Django raises as InterfaceError, which is no DatabaseError.
    with connection.execute_wrapper(ending_the_connection):
        confirmed = Relay().publish([row])

    connection.close()
    assert confirmed == 1
    assert OutboxRow.objects.get(id=row.id).batch.published_at is None


def ending_the_connection(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Django's wrapper of each statement: the connection ends just ahead of it."""
    connection.connection.close()
    return execute(sql, params, many, context)
