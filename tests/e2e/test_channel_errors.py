"""The broker closes a worker's consuming channel by an error: the worker reconnects, nothing is lost or doubled."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from celery import Celery

from tests.databases import Databases
from tests.e2e.producer import Producer, match, new_id
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.servers import RabbitMQ
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

BURST = 20
# It waits for an acknowledgement for a second, where others wait for half an hour.
IMPATIENT = "[{rabbit, [{consumer_timeout, 1000}, {channel_tick_interval, 250}]}]."


@pytest.fixture
def rabbitmq() -> Iterator[RabbitMQ]:
    with RabbitMQ(advanced=IMPATIENT) as node:
        yield node


@pytest.fixture
def database_url(databases: Databases, django_db_blocker: Any, worker_id: str) -> Iterator[str]:
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            url = stack.enter_context(databases.clone(name=f"{worker_id}_{new_id()[:8]}"))
        yield url


def test_a_worker_that_was_too_slow_for_the_broker_goes_on(
    rabbitmq: RabbitMQ, database_url: str, tmp_path: Path
) -> None:
    environment = service_environment(database_url=database_url, broker_url=rabbitmq.url)
    service = Service(broker="rabbitmq", environment=environment, folder=tmp_path)
    host = VirtualHost(management=rabbitmq.management, name="/", url=rabbitmq.url)
    with running(service, "grants", "consume"), Celery(broker=rabbitmq.url, set_as_current=False) as app:
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        merchant = producer.merchant(credits=BURST + 1)

        with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM credit_accounts WHERE merchant_id = %s FOR UPDATE", [merchant])
            sent = [match(merchant) for _ in range(BURST)]
            for fields in sent:
                producer.send("credits.consume_match", fields)
            eventually(lambda: "timed out" in rabbitmq.log.read_text(errors="replace"))

        producer.settled(merchant, balance=1)
        last = match(merchant)
        producer.send("credits.consume_match", last)
        producer.settled(merchant, balance=0)
        posted = [row for row in service.books.transactions(merchant) if row["reference_type"] == "match"]
        assert sorted(row["reference_id"] for row in posted) == sorted(each["match_id"] for each in [*sent, last])
        assert service.books.counts()[1] == 0
        service.processes["consume"].kill()  # what was not acknowledged comes back once its consumer has gone
        assert host.messages()["credits.consume"] == 0
        service.start("consume")
