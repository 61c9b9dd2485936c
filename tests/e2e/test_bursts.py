"""Bursts: all that arrives is applied, nothing waits for what comes next, and nothing stays unacknowledged."""

import pytest
from pytest_celery import CeleryTestSetup

from tests.confirms import confirmed
from tests.e2e.producer import PATIENCE_SECONDS, Producer, consumption, match
from tests.e2e.service import Service
from tests.processes import eventually
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

MANY = 10_000


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
