"""Part of what `make chaos` does, within a minute: whatever is broken, nothing is lost and nothing is done twice."""

import os
import random
import sys

import pytest

from tests.chaos.books import read
from tests.chaos.faults import FAULTS
from tests.chaos.letter import Letter, task
from tests.chaos.mix import Mix
from tests.chaos.points import HAND_OVER
from tests.chaos.report import as_text
from tests.chaos.run import Plan, run
from tests.chaos.sender import Sender
from tests.chaos.stage import Stage, stage
from tests.processes import eventually

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
CONSUMERS = ("consume-1", "consume-2")
TAKES_LONG = {"consumer_timeout reached", "publishers blocked", "disk full"}  # `make chaos` throws these too


def test_whatever_is_broken_nothing_is_lost_and_nothing_is_done_twice() -> None:
    faults = [fault for fault in FAULTS if fault.name not in TAKES_LONG]

    report = run(Plan(seed=SEED, seconds=60, per_second=40, away_s=3, faults=faults), say=sys.stdout.write)

    assert report.is_clean, as_text(report)
    assert report.thrown.total() >= 5
    assert report.rows["posted"] > 1_000


def test_on_redis_what_breaks_neither_worker_nor_broker_loses_nothing() -> None:
    faults = [fault for fault in FAULTS if not fault.redis_may_lose and fault.name not in TAKES_LONG]

    report = run(
        Plan(seed=SEED, seconds=10, per_second=40, away_s=1, broker="redis", faults=faults), say=sys.stdout.write
    )

    assert report.is_clean, as_text(report)
    assert report.lost == []


def test_on_redis_a_worker_killed_as_it_takes_a_message_loses_it() -> None:
    """What RabbitMQ promises and Redis can't keep: docs/operations.md, "Redis as the broker"."""
    mix = Mix(SEED, rich=1, poor=0, spenders=0)
    with stage("redis") as set_up:
        set_up.crew.go()
        sender = Sender(mix, broker_url=set_up.broker_url, per_second=1)
        sender.deliver(mix.opening())
        eventually(lambda: spent(set_up) == set())

        armed = {name: set_up.crew.arm(name, HAND_OVER) for name in CONSUMERS}
        sender.deliver([consumption(mix.rich[0], "taken as its worker dies")])
        eventually(lambda: not all(file.exists() for file in armed.values()))
        for name, file in armed.items():
            set_up.crew.disarm(name, file)
        sender.deliver([consumption(mix.rich[0], "sent later")])

        eventually(lambda: "sent later" in (spent(set_up) or ()))
        eventually(lambda: not set_up.queues())
        assert spent(set_up) == {"sent later"}


def consumption(merchant: str, reference_id: str) -> Letter:
    fields = {"merchant_id": merchant, "amount": 1, "reference_type": "export", "reference_id": reference_id}
    return task("credits.consume", fields, token=reference_id)


def spent(set_up: Stage) -> set[str] | None:
    """The consumptions that were applied; None before anybody has credits."""
    rows = read(set_up).rows
    return {id_ for type_, id_ in rows if type_ == "export"} if rows else None
