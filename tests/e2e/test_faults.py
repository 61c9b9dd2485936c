"""Faults: workers killed or stopped in the middle, database and broker away. Applied exactly once, nothing parked."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery

from tests.confirms import confirmed
from tests.e2e.producer import Producer, match, new_id
from tests.e2e.service import WARM_STOP_SECONDS, Service, running
from tests.processes import eventually, service_environment
from tests.servers import PostgreSQL, RabbitMQ
from tests.servers.management import VirtualHost

pytestmark = pytest.mark.servers

BURST = 3_000


class Stage:
    """A service with servers of its own, to be killed."""

    def __init__(self, *, service: Service, postgresql: PostgreSQL, rabbitmq: RabbitMQ, producer: Producer) -> None:
        self.service = service
        self.postgresql = postgresql
        self.rabbitmq = rabbitmq
        self.producer = producer
        self.host = VirtualHost(management=rabbitmq.management, name="/", url=rabbitmq.url)

    def burst(self, merchant: str, *, size: int = BURST) -> list[str]:
        """Send so many consumptions of 1 at once; their references, sorted."""
        fields = [match(merchant) for _ in range(size)]
        with confirmed(self.service.broker_url) as publish:
            for each in fields:
                body, headers = self.producer.task_message("credits.consume_match", each)
                publish(
                    body,
                    exchange="credits.commands",
                    routing_key="credits.consume_match",
                    headers=headers,
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                )
        return sorted(each["match_id"] for each in fields)

    def queued(self) -> int:
        """Consumptions that wait in the broker."""
        return self.host.messages()["credits.consume"]

    def matches(self, merchant: str) -> list[str]:
        """The references of the merchant's posted matches, sorted."""
        rows = self.service.books.transactions(merchant)
        return sorted(row["reference_id"] for row in rows if row["reference_type"] == "match")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        postgresql, rabbitmq = PostgreSQL.for_tests(), RabbitMQ()
        for server in (postgresql, rabbitmq):
            stack.callback(server.stop)
            server.launch()
        for server in (postgresql, rabbitmq):
            server.wait_until_ready()
        environment = service_environment(database_url=postgresql.url, broker_url=rabbitmq.url)
        folder: Path = tmp_path_factory.mktemp("faults")
        service = Service(broker="rabbitmq", environment=environment, folder=folder)
        migrated = service.manage("migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        stack.enter_context(running(service, "grants", "consume", "beat"))
        app = stack.enter_context(Celery(broker=rabbitmq.url, set_as_current=False))
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        yield Stage(service=service, postgresql=postgresql, rabbitmq=rabbitmq, producer=producer)


def test_what_a_killed_worker_held_is_applied_exactly_once(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=BURST)
    worker = stage.service.processes["consume"]

    sent = stage.burst(merchant)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < BURST)
    worker.signal(signal.SIGKILL)
    worker.wait()
    applied = len(stage.matches(merchant))
    stage.service.start("consume")

    stage.producer.settled(merchant, balance=0)
    assert 0 < applied < BURST
    assert stage.matches(merchant) == sent
    eventually(lambda: stage.queued() == 0)


def test_a_worker_told_to_stop_finishes_or_returns_what_it_holds(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=BURST)
    worker = stage.service.processes["consume"]

    sent = stage.burst(merchant)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < BURST)
    told_at = time.monotonic()
    worker.signal(signal.SIGTERM)
    code = worker.wait()

    assert (code, time.monotonic() - told_at < WARM_STOP_SECONDS) == (0, True)
    assert len(stage.matches(merchant)) + stage.queued() >= BURST
    stage.service.start("consume")
    stage.producer.settled(merchant, balance=0)
    assert stage.matches(merchant) == sent


def test_while_the_database_is_away_nothing_is_dropped_or_parked(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=100)
    worker = stage.service.processes["consume"]
    lines = len(worker.log().splitlines())

    stage.postgresql.kill()
    sent = stage.burst(merchant, size=50)
    asked = stage.producer.send("credits.consume_match", match(merchant), task_id=new_id())
    eventually(lambda: "database in trouble" in "\n".join(worker.log().splitlines()[lines:]))
    stage.postgresql.restart()

    stage.producer.settled(merchant, balance=49)
    assert set(sent) < set(stage.matches(merchant))
    assert stage.service.books.parked(asked.id) == []
    assert stage.service.books.parked(merchant) == []
    eventually(lambda: stage.queued() == 0)


def test_a_worker_can_be_stopped_while_the_database_is_away(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=100)
    worker = stage.service.processes["consume"]
    lines = len(worker.log().splitlines())
    stage.postgresql.kill()
    stage.burst(merchant, size=20)
    eventually(lambda: "database in trouble" in "\n".join(worker.log().splitlines()[lines:]))

    told_at = time.monotonic()
    worker.signal(signal.SIGTERM)
    code = worker.wait()

    assert (code, time.monotonic() - told_at < WARM_STOP_SECONDS) == (0, True)
    stage.postgresql.restart()
    stage.service.start("consume")
    stage.producer.settled(merchant, balance=80)


def test_a_broker_that_restarts_loses_neither_commands_nor_events(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=BURST)

    sent = stage.burst(merchant)
    eventually(lambda: (stage.service.books.balance(merchant) or 0) < BURST)
    stage.rabbitmq.restart()

    stage.producer.settled(merchant, balance=0)
    assert stage.matches(merchant) == sent
    eventually(lambda: all(row["published_at"] for row in stage.service.books.events(merchant)))
    eventually(lambda: stage.queued() == 0)
