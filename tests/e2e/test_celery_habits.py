"""What a Celery user expects of a task holds for commands too: links, chains, eta, expiry, revoke, events, eager."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import chain, chord, group
from celery.events.receiver import EventReceiver
from celery.events.state import State

from tests.e2e.producer import PATIENCE_SECONDS, Producer, consumption, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers
REAL_BROKERS = pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)


def consume(producer: Producer, merchant: str, **fields: Any) -> Any:
    """The signature of one consumption, as a canvas wants it."""
    way = producer.way("credits.consume") if producer.has_exchanges else {"queue": "credits.consume"}
    options = {**way, "ignore_result": True}
    return producer.app.signature(
        "credits.consume", kwargs=consumption(merchant, **fields), options=options, immutable=True
    )


def send(producer: Producer, merchant: str, **options: Any) -> Any:
    """A consumption of 1; returns its result."""
    return producer.send("credits.consume", consumption(merchant), **options)


def test_a_link_runs_after_its_parent(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)

    send(producer, merchant, link=consume(producer, merchant, amount=2))

    producer.settled(merchant, balance=7)


def test_a_link_goes_where_commands_go_whatever_queue_it_names(producer: Producer) -> None:
    merchant = producer.merchant(credits=10)
    linked = consume(producer, merchant, amount=2).set(queue="orders", exchange="", routing_key="orders")

    send(producer, merchant, link=linked)

    producer.settled(merchant, balance=7)


def test_a_command_with_a_link_to_anything_else_is_parked_for_all_to_see_and_starts_nothing(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=10)
    linked, errback = producer.app.signature("orders.done"), consume(producer, merchant, amount=2)

    result = send(producer, merchant, link=linked, link_error=errback, ignore_result=False)

    (parked,) = eventually(lambda: service.books.parked(result.id))
    assert (parked["reason"], parked["field"]) == ("invalid_field", "embed")
    eventually(lambda: result.state == "FAILURE")
    assert service.books.balance(merchant) == 10


def test_a_parked_command_runs_its_errback_and_not_its_link(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    linked, errback = (consume(producer, merchant, reference_id=f"{name} {merchant}") for name in ("link", "errback"))
    refused = consumption(merchant, amount=0)

    producer.send("credits.consume", refused, link=linked, link_error=errback)
    producer.settled(merchant, balance=9)
    send(producer, merchant)
    producer.settled(merchant, balance=8)

    assert f"errback {merchant}" in service.books.references(merchant)
    assert f"link {merchant}" not in service.books.references(merchant)
    assert len(service.books.parked(refused["reference_id"])) == 1


def test_a_chain_goes_step_by_step(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    steps = [consume(producer, merchant, amount=amount) for amount in (1, 2, 3)]

    chain(*steps, app=producer.app).apply_async()

    producer.settled(merchant, balance=4)
    assert [row["amount"] for row in service.books.transactions(merchant)[1:]] == [1, 2, 3]


@REAL_BROKERS
def test_a_chord_waits_for_its_group(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    header = [consume(producer, merchant).set(ignore_result=False) for _ in range(3)]

    chord(group(header, app=producer.app), consume(producer, merchant, amount=7), app=producer.app).apply_async()

    producer.settled(merchant, balance=0)
    assert [row["amount"] for row in service.books.transactions(merchant)[1:]] == [1, 1, 1, 7]


@pytest.mark.parametrize("watched", [False, True], ids=["plain", "asking"])
def test_an_eta_waits_in_the_database_until_its_time(producer: Producer, service: Service, watched: bool) -> None:
    merchant = producer.merchant(credits=10)
    result = send(producer, merchant, eta=datetime.now(UTC) + timedelta(hours=1), ignore_result=not watched)

    (row,) = eventually(lambda: service.books.waiting(result.id))

    assert row["send_again"] is watched
    assert service.books.balance(merchant) == 10
    service.books.let_time_pass(result.id)
    producer.settled(merchant, balance=9)
    assert service.books.waiting(result.id) == []
    if watched:
        assert result.get(timeout=PATIENCE_SECONDS)["status"] == "posted"


def test_a_countdown_is_an_eta_of_a_link_too(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    linked = consume(producer, merchant, amount=2).set(countdown=0.5)

    result = send(producer, merchant, countdown=0.5, link=linked)

    eventually(lambda: service.books.waiting(result.id) or service.books.balance(merchant) == 7)
    producer.settled(merchant, balance=7)
    assert "may block the worker" not in service.processes["consume"].log()


@pytest.mark.parametrize("watched", [False, True], ids=["plain", "asking"])
def test_what_has_expired_is_parked_and_not_applied(producer: Producer, service: Service, watched: bool) -> None:
    merchant = producer.merchant(credits=10)
    body, headers = producer.task_message(
        "credits.consume", consumption(merchant), expires="2026-01-31T12:00:00+00:00", ignore_result=not watched
    )

    producer.publish(body, queue="credits.consume", headers=headers)

    (parked,) = eventually(lambda: service.books.parked(headers["id"]))
    assert (parked["reason"], parked["field"]) == ("expired", "expires")
    assert service.books.balance(merchant) == 10


@REAL_BROKERS
def test_a_revoked_command_is_not_applied(producer: Producer, service: Service) -> None:
    merchant, id_ = producer.merchant(credits=10), new_id()
    name = service.node_name("consume")
    producer.app.control.revoke(id_, destination=[name])
    eventually(lambda: id_ in producer.app.control.inspect(destination=[name]).revoked().get(name, []))

    send(producer, merchant, task_id=id_)
    send(producer, merchant)

    producer.settled(merchant, balance=9)
    assert len(service.books.transactions(merchant)) == 2


@REAL_BROKERS
def test_task_events_show_what_went_through_batches(producer: Producer, service: Service) -> None:
    merchant, flower, name = producer.merchant(credits=10), State(), service.node_name("consume")
    producer.app.control.enable_events(destination=[name], reply=True, timeout=PATIENCE_SECONDS, limit=1)

    with producer.app.connection_for_read() as connection:
        receiver = EventReceiver(connection, handlers={"*": flower.event}, app=producer.app)
        with receiver.consumer_context(wakeup=False) as (events, _, _):
            events.drain_events(timeout=PATIENCE_SECONDS)  # the worker's next heartbeat: from now on all is seen
            ids = [send(producer, merchant).id for _ in range(3)]
            ids.append(send(producer, merchant, ignore_result=False).id)
            while [flower.tasks[id_].state for id_ in ids if id_ in flower.tasks] != ["SUCCESS"] * 4:
                events.drain_events(timeout=PATIENCE_SECONDS)
    producer.app.control.disable_events(destination=[name])

    tasks = [flower.tasks[id_] for id_ in ids]
    assert {task.name for task in tasks} == {"credits.consume"}
    assert all(task.received and task.succeeded for task in tasks)
