"""Dead letters that wait already when the worker starts: commands are tried alone, nothing else is run for them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from celery import Celery
from kombu import Connection

from tests.databases import Databases
from tests.e2e.producer import Producer, new_id, opening
from tests.e2e.service import Service, running
from tests.e2e.webhook import SECRET, Webhook
from tests.processes import eventually, service_environment
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

DELIVERY_LIMIT = 100
NEWCOMERS = 3
ACKNOWLEDGED_WITHIN_SECONDS = 2.0  # of their commit: the consumer's thread does it when it next wakes


@pytest.fixture
def deployed(
    databases: Databases,
    django_db_blocker: Any,
    rabbitmq_admin: VirtualHost,
    webhook: Webhook,
    tmp_path: Any,
    worker_id: str,
) -> Iterator[Service]:
    """A service of which nothing runs yet, with its queues declared."""
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            database_url = stack.enter_context(databases.clone(name=f"{worker_id}_{new_id()[:8]}"))
        environment = service_environment(
            database_url=database_url,
            broker_url=rabbitmq_admin.url,
            notify_webhook_url=webhook.url,
            notify_webhook_secret=SECRET,
        )
        service = Service(broker="rabbitmq", environment=environment, folder=tmp_path)
        service.deploy()
        yield service


def test_what_waited_among_the_dead_letters_is_tried_when_the_worker_starts(
    deployed: Service, rabbitmq_admin: VirtualHost, webhook: Webhook
) -> None:
    books, told = deployed.books, new_id()
    merchants = [new_id() for _ in range(2 * NEWCOMERS)]
    with Celery(broker=deployed.broker_url, set_as_current=False) as app:
        producer = Producer(app=app, books=books, has_exchanges=True)
        for merchant in merchants[:NEWCOMERS]:
            producer.send("credits.open_account", opening(merchant))
        envelope = {"event_id": new_id(), "event_type": "evt", "correlation_id": told, "data": {"merchant_id": told}}
        body, headers = producer.task_message("credits.notify_by_webhook", {"envelope": envelope})
        producer.publish(body, queue="credits.notifications", headers=headers)
        give_up_on(deployed.broker_url, {"credits.grants": NEWCOMERS, "credits.notifications": 1})
        eventually(lambda: rabbitmq_admin.messages()["credits.dead"] == NEWCOMERS + 1)
        # Plain events come by the same channel as dead letters.
        for merchant in merchants[NEWCOMERS:]:
            data = {"merchant_id": merchant, "platform": "shopify", "shop_domain": "a.example.com", "shop_gid": "gid"}
            producer.tell("evt.merchant.created.v1", data)

    with running(deployed, "grants"):
        eventually(lambda: all(books.account(merchant) for merchant in merchants), timeout_seconds=30)
        (parked,) = eventually(lambda: books.parked(headers["id"]))
        assert (parked["name"], parked["queue"]) == ("credits.notify_by_webhook", "credits.notifications")
        assert (parked["state"], parked["body"], webhook.calls(told)) == ("parked", body, [])
        assert books.counts()[1] == 1
        assert "PRECONDITION_FAILED" not in deployed.processes["grants"].log()
        # Whatever was not acknowledged comes back once its consumer has gone.
        time.sleep(ACKNOWLEDGED_WITHIN_SECONDS)
        deployed.processes["grants"].kill()
        assert not any(rabbitmq_admin.messages().values())
        deployed.start("grants")


def give_up_on(broker_url: str, messages: dict[str, int]) -> None:
    """Take so many messages of each queue and give them back, until the broker has dead-lettered them."""
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        for queue, count in messages.items():
            for _ in range(count * (DELIVERY_LIMIT + 1)):
                message = eventually(lambda queue=queue: channel.basic_get(queue))
                channel.basic_reject(message.delivery_tag, requeue=True)
