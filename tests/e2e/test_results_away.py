"""A result backend that is away, or says nothing, holds up neither messages nor stops; what was to be told is later."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, chord, group

from tests.e2e.producer import Producer, consumption, forget_results
from tests.e2e.service import WARM_STOP_SECONDS, Service, running
from tests.processes import eventually, service_environment
from tests.proxy import Proxy
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers
PARTS = 20  # more than a worker has in hand of messages that are not plain


@pytest.fixture
def results(redis_url: str) -> Iterator[Proxy]:
    """The way to the results."""
    with Proxy(redis_url) as results:
        yield results


@pytest.fixture
def service(own_database: str, rabbitmq_admin: VirtualHost, results: Proxy, tmp_path: Path) -> Service:
    """A service, not started yet, that keeps its results there."""
    environment = service_environment(
        database_url=own_database, broker_url=rabbitmq_admin.url, result_backend_url=results.url
    )
    return Service(broker="rabbitmq", environment=environment, folder=tmp_path)


def test_a_backend_that_says_nothing_holds_up_neither_the_others_nor_a_stop(
    service: Service, results: Proxy, rabbitmq_admin: VirtualHost
) -> None:
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


def test_parts_of_a_chord_hold_up_nobody_while_the_results_are_away_and_are_told_afterwards(
    service: Service, results: Proxy, rabbitmq_admin: VirtualHost, redis_url: str
) -> None:
    urls = {"broker": rabbitmq_admin.url, "backend": redis_url}
    with running(service, "grants", "consume", "beat"), Celery(**urls, set_as_current=False) as app:
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        merchant = producer.merchant(credits=100)

        def consume(amount: int) -> Any:
            options = {**producer.way("credits.consume"), "ignore_result": False}
            fields = consumption(merchant, amount=amount)
            return app.signature("credits.consume", kwargs=fields, options=options, immutable=True)

        results.close_door()
        chord(group([consume(1) for _ in range(PARTS)], app=app), consume(7), app=app).apply_async()
        producer.settled(merchant, balance=100 - PARTS)
        producer.send("credits.consume", consumption(merchant, amount=2))
        producer.settled(merchant, balance=98 - PARTS)
        eventually(lambda: rabbitmq_admin.messages()["credits.consume"] == 0)  # what is to come again is kept

        results.open_door()
        producer.settled(merchant, balance=91 - PARTS)
        amounts = sorted(row["amount"] for row in service.books.transactions(merchant)[1:])
        assert amounts == [*[1] * PARTS, 2, 7]
        forget_results(app)
