"""What RabbitMQ itself gives up on: time to live, delivery limit, a missing exchange. Nothing is lost."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from tests.databases import Databases
from tests.e2e.producer import Producer, consumption, new_id
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

DELIVERY_LIMIT = 100


@pytest.fixture
def half_a_service(
    databases: Databases, django_db_blocker: Any, rabbitmq_admin: VirtualHost, tmp_path: Any, worker_id: str
) -> Iterator[Service]:
    """A service of the test's own, of which the worker that takes consumptions has not been started yet."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            database_url = stack.enter_context(databases.clone(name=f"{worker_id}_{new_id()[:8]}"))
        environment = service_environment(database_url=database_url, broker_url=rabbitmq_admin.url)
        service = Service(broker="rabbitmq", environment=environment, folder=tmp_path)
        yield stack.enter_context(running(service, "grants", "beat"))


@pytest.fixture
def own_producer(half_a_service: Service) -> Iterator[Producer]:
    with Celery(broker=half_a_service.broker_url, set_as_current=False) as app:
        yield Producer(app=app, books=half_a_service.books, has_exchanges=True)


def test_what_the_broker_gave_up_on_is_not_lost(
    own_producer: Producer, half_a_service: Service, rabbitmq_admin: VirtualHost
) -> None:
    books, merchant = half_a_service.books, own_producer.merchant(credits=150)

    # Its time to live passes in the queue: parked, not applied, and applied after all when somebody replays it.
    expiring = consumption(merchant, amount=2)
    body, headers = own_producer.task_message("credits.consume", expiring)
    own_producer.publish(body, queue="credits.consume", headers=headers, expiration=0.05)
    (parked,) = eventually(lambda: books.parked(headers["id"]))
    assert (parked["reason"], parked["queue"], parked["body"]) == ("expired", "credits.consume", body)
    assert json.loads(parked["headers"])["task"] == "credits.consume"
    assert half_a_service.manage("parked", "replay", str(parked["id"])).returncode == 0

    # Delivered too often: it is dead-lettered, tried alone, and applied.
    eventually(lambda: rabbitmq_admin.messages()["credits.consume"] == 1)
    refuse_until_gone(half_a_service.broker_url)
    own_producer.settled(merchant, balance=148)
    assert books.transactions(merchant)[-1]["reference_id"] == expiring["reference_id"]

    # The exchange for events is gone for a while: they wait in the outbox, and keep their ids.
    with Connection(half_a_service.broker_url) as connection:
        connection.default_channel.exchange_delete("credits.events")
    half_a_service.start("consume")
    own_producer.send("credits.consume", consumption(merchant))
    own_producer.settled(merchant, balance=147)
    (late,) = eventually(lambda: [row for row in books.events(merchant) if row["last_error"]])
    assert "credits.events" in late["last_error"]
    half_a_service.deploy()
    assert eventually(lambda: all(row["published_at"] for row in books.events(merchant)))
    assert books.events(merchant)[-1]["body"] == late["body"]
    eventually(lambda: not any(rabbitmq_admin.messages().values()))


def refuse_until_gone(broker_url: str) -> None:
    """Take the only message of credits.consume and give it back, again and again, as a dying worker would."""
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        for _ in range(DELIVERY_LIMIT + 1):
            message = eventually(lambda: channel.basic_get("credits.consume"))
            channel.basic_reject(message.delivery_tag, requeue=True)
