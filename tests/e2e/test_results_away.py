"""A result backend that says nothing holds up a message that asks for its result, and those behind it, no longer."""

import signal
from pathlib import Path

import pytest
from celery import Celery

from tests.e2e.producer import Producer, consumption
from tests.e2e.service import WARM_STOP_SECONDS, Service, running
from tests.processes import service_environment
from tests.proxy import Proxy
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers


def test_a_backend_that_says_nothing_holds_up_neither_the_others_nor_a_stop(
    own_database: str, rabbitmq_admin: VirtualHost, redis_url: str, tmp_path: Path
) -> None:
    with Proxy(redis_url) as results:
        environment = service_environment(
            database_url=own_database, broker_url=rabbitmq_admin.url, result_backend_url=results.url
        )
        service = Service(broker="rabbitmq", environment=environment, folder=tmp_path)
        with running(service, "grants", "consume"), Celery(broker=rabbitmq_admin.url, set_as_current=False) as app:
            producer = Producer(app=app, books=service.books, has_exchanges=True)
            merchant = producer.merchant(credits=4)
            producer.send("credits.consume", consumption(merchant), ignore_result=False)
            producer.settled(merchant, balance=3)

            results.silence()
            for ignores in (False, False, True):
                producer.send("credits.consume", consumption(merchant), ignore_result=ignores)
            producer.settled(merchant, balance=0)

            consume = service.processes["consume"]
            consume.signal(signal.SIGTERM)
            assert consume.wait(timeout_seconds=WARM_STOP_SECONDS) == 0
            assert rabbitmq_admin.messages()["credits.consume"] == 0  # all of it was acknowledged
            service.start("consume")
