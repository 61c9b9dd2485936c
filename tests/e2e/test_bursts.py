"""Bursts: all that arrives is applied, nothing waits for what comes next, and nothing stays unacknowledged."""

import signal
import time

import pytest
from pytest_celery import CeleryTestSetup

from celeryconfig import worker_prefetch_multiplier
from ledger.fields import MAX_ITEMS
from tasks.window import SAMPLE
from tests.confirms import confirmed
from tests.e2e.producer import PATIENCE_SECONDS, Producer, consumption, match
from tests.e2e.service import Service
from tests.processes import eventually
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

MANY = 10_000
AHEAD = 100  # messages: more than a worker takes ahead at first
SETTLED_SECONDS = 1.0
LARGE = 48  # messages of MAX_ITEMS: three times what a worker takes ahead of such


@pytest.mark.parametrize("size", [1, 3, 60])
def test_no_message_of_a_burst_waits_for_another(producer: Producer, size: int) -> None:
    merchant = producer.merchant(credits=size)

    for _ in range(size):
        producer.send("credits.consume_match", match(merchant))

    producer.settled(merchant, balance=0)


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_ten_thousand_messages_at_once_are_all_applied(
    producer: Producer, service: Service, shared_host: VirtualHost
) -> None:
    merchant = producer.merchant(credits=MANY)
    messages = [producer.task_message("credits.consume_match", match(merchant)) for _ in range(MANY)]

    with confirmed(service.broker_url) as publish:
        for body, headers in messages:
            publish(
                body,
                exchange="credits.commands",
                routing_key="credits.consume_match",
                headers=headers,
                content_type="application/json",
                content_encoding="utf-8",
            )

    eventually(lambda: service.books.balance(merchant) == 0, timeout_seconds=4 * PATIENCE_SECONDS)
    eventually(lambda: shared_host.messages()["credits.consume"] == 0, timeout_seconds=PATIENCE_SECONDS)
    assert len(service.books.references(merchant)) == MANY + 1


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_a_worker_takes_few_messages_ahead_at_first_and_many_once_they_are_small(
    producer: Producer, service: Service, shared_host: VirtualHost
) -> None:
    merchant = producer.merchant(credits=2 * AHEAD + SAMPLE)
    service.stop("consume")
    service.start("consume")

    left_at_first = left_to_others(producer, service, shared_host, merchant)
    for _ in range(SAMPLE):
        producer.send("credits.consume", consumption(merchant))
    producer.settled(merchant, balance=AHEAD)
    left_later = left_to_others(producer, service, shared_host, merchant)
    producer.settled(merchant, balance=0)

    assert (left_at_first, left_later) == (AHEAD - worker_prefetch_multiplier, 0)


def left_to_others(producer: Producer, service: Service, shared_host: VirtualHost, merchant: str) -> int:
    """How many of AHEAD messages the broker keeps back from a worker that does nothing."""
    worker = service.processes["consume"]
    worker.signal(signal.SIGSTOP)
    try:
        for _ in range(AHEAD):
            producer.send("credits.consume", consumption(merchant))
        time.sleep(SETTLED_SECONDS)  # the broker hands over what it may
        return shared_host.messages()["credits.consume"]
    finally:
        worker.signal(signal.SIGCONT)


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_a_backlog_of_large_messages_is_shared_out_between_workers(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=LARGE * MAX_ITEMS)
    service.stop("consume")
    for _ in range(LARGE):
        producer.send("credits.consume_many", {"items": [consumption(merchant) for _ in range(MAX_ITEMS)]})

    service.start("consume", "consume.2")
    try:
        eventually(lambda: service.books.balance(merchant) == 0, timeout_seconds=4 * PATIENCE_SECONDS)
        eventually(lambda: sum(carried_out(producer, service)) == LARGE, timeout_seconds=PATIENCE_SECONDS)
        shares = carried_out(producer, service)
    finally:
        service.stop("consume.2")
        service.processes.pop("consume.2").end()

    assert min(shares) > LARGE // 6


def carried_out(producer: Producer, service: Service) -> list[int]:
    """How many messages each of the two workers has carried out."""
    stats = producer.app.control.inspect(timeout=5.0).stats()
    return [stats[service.node_name(name)]["gathering"].get("messages", 0) for name in ("consume", "consume2")]


def test_a_burst_of_plain_and_asking_messages_is_all_applied(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=40)
    sent = [consumption(merchant) for _ in range(40)]

    results = [
        producer.send("credits.consume", fields, ignore_result=number % 3 != 0) for number, fields in enumerate(sent)
    ]

    outcomes = [result.get(timeout=PATIENCE_SECONDS) for result in results[::3]]
    producer.settled(merchant, balance=0)
    assert [outcome["reference_id"] for outcome in outcomes] == [fields["reference_id"] for fields in sent[::3]]
    assert set(service.books.references(merchant)) > {fields["reference_id"] for fields in sent}


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_nothing_stays_unacknowledged_behind_a_mixed_burst(
    celery_setup: CeleryTestSetup, producer: Producer, shared_host: VirtualHost
) -> None:
    merchant, worker = producer.merchant(credits=60), celery_setup.worker

    for number in range(60):
        fields = consumption(merchant) if number % 5 else consumption(merchant, amount=0)
        producer.send("credits.consume", fields, ignore_result=number % 3 == 0)
    producer.settled(merchant, balance=12)
    producer.ask("credits.consume", consumption(merchant))  # behind the burst: by now all of that is acknowledged
    worker.kill("SIGTERM")
    returned = shared_host.messages()["credits.consume"]
    worker.restart()

    assert returned <= 1  # the last one's acknowledgement may not have been sent yet
    worker.assert_log_exists("ready.")
