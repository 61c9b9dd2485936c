"""Drill: the broker has lost everything."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu import Connection, Exchange, Queue

from tests.drills.conftest import staged
from tests.drills.drill import Drill
from tests.e2e.producer import consumption
from tests.processes import eventually
from tests.servers import RabbitMQ

pytestmark = [pytest.mark.servers, pytest.mark.slow]

EVENTS = Queue("somebody's", Exchange("credits.events", type="topic", no_declare=True), routing_key="evt.credits.#")


def declare_consumer(broker_url: str) -> None:
    """Another team's queue on the events."""
    with Connection(broker_url) as connection:
        EVENTS(connection.default_channel).declare()


def fetched(broker_url: str) -> set[str]:
    """The event_ids of what is in that queue; takes it out."""
    with Connection(broker_url) as connection:
        queue = EVENTS(connection.default_channel)
        return {message.payload["event_id"] for message in iter(lambda: queue.get(no_ack=True), None)}


def test_workers_go_on_and_what_was_lost_is_sent_again(own_database: str, tmp_path: Path) -> None:
    with (
        RabbitMQ() as rabbitmq,
        staged(
            Drill("broker"),
            database_url=own_database,
            broker_url=rabbitmq.url,
            folder=tmp_path,
            processes=("grants", "consume", "notifications", "beat"),
        ) as stage,
    ):
        declare_consumer(rabbitmq.url)
        since = datetime.now(UTC)
        merchant = stage.producer.merchant(credits=150)
        eventually(lambda: all(row["published_at"] for row in stage.books.events(merchant)))
        stage.service.processes["consume"].kill()
        lost = [consumption(merchant) for _ in range(20)]
        for each in lost:
            stage.producer.send("credits.consume", each)

        lose_everything(rabbitmq)
        whoever = ("--actor", "anna", "--reason", "goodwill", "--yes")
        adjusted = stage.service.manage("account", "adjust", merchant, "5", *whoever)  # while the broker is away
        assert adjusted.returncode == 0, adjusted.stderr
        rabbitmq.restart()

        stage.drill.do("declare")
        declare_consumer(rabbitmq.url)
        stage.drill.set(SINCE=since.isoformat())
        stage.drill.do("republish")
        stage.service.start("consume")
        assert stage.books.balance(merchant) == 155
        for each in [*lost, *lost]:
            stage.producer.send("credits.consume", each)

        stage.producer.settled(merchant, balance=135)
        owed = {row["body"]["event_id"] for row in stage.books.events(merchant)}
        arrived: set[str] = set()

        def has_arrived() -> bool:
            arrived.update(fetched(rabbitmq.url))
            return owed <= arrived

        eventually(has_arrived, what="every event that is owed")
        for name in ("grants", "notifications", "beat"):
            assert stage.service.processes[name].exit_code is None, f"{name} did not outlive it"


def lose_everything(rabbitmq: RabbitMQ) -> None:
    """Its node's folder is gone; it is down until it is started again, empty."""
    rabbitmq.kill()
    shutil.rmtree(rabbitmq.folder / "data")
