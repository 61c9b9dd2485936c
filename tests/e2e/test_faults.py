"""Faults: workers killed or stopped in the middle, database and broker away. Applied exactly once, nothing parked."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e.producer import match, new_id
from tests.e2e.service import WARM_STOP_SECONDS
from tests.e2e.stage import BURST, Stage, staged
from tests.processes import eventually

pytestmark = pytest.mark.servers

PROCESSES = ("grants", "consume", "beat")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("faults")) as made:
        made.service.start(*PROCESSES)
        yield made
        for name in PROCESSES:
            process = made.service.processes[name]
            assert process.exit_code is None, f"{name} has died:\n{process.log_tail()}"


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
