"""Malformed messages at the worst of times: with the database away they stay on the broker; a flood drowns nobody."""

import json
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from tests.confirms import confirmed
from tests.e2e.malformed import MALFORMED, MALFORMED_EVENTS
from tests.e2e.producer import Producer, match, new_id
from tests.e2e.service import Service, running
from tests.processes import eventually, service_environment
from tests.servers import PostgreSQL

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("broker", ["rabbitmq", "redis"])]

FLOOD = 4_000
ONE_IN = 10  # messages is right
MOST_GROWTH_BYTES = 150 * 1024 * 1024  # of a worker's memory: a prefetch window of messages, and what is made of them
LONGEST_SECONDS = 20.0  # of `manage.py parked list`, which starts Django first, on a busy machine


class Stage:
    """A service with a database of its own, to be killed, on a broker that tells how many messages it holds."""

    def __init__(
        self, *, service: Service, postgresql: PostgreSQL, held: Callable[[], int], producer: Producer
    ) -> None:
        self.service = service
        self.postgresql = postgresql
        self.held = held
        self.producer = producer

    def send(self, bodies: dict[str, bytes], *, queue: str = "credits.consume") -> None:
        """Send malformed tasks by their ids."""
        with confirmed(self.service.broker_url) as publish:
            for id_, body in bodies.items():
                publish(
                    body,
                    exchange="",
                    routing_key=queue,
                    headers={"lang": "js", "task": "credits.consume_match", "id": id_, "root_id": id_},
                    content_type="application/json",
                    content_encoding="utf-8",
                    delivery_mode=2,
                )


@pytest.fixture
def stage(broker: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        postgresql = PostgreSQL.for_tests()
        stack.callback(postgresql.stop)
        postgresql.launch()
        postgresql.wait_until_ready()
        broker_url, held = request.getfixturevalue(f"held_by_{broker}")
        environment = service_environment(database_url=postgresql.url, broker_url=broker_url)
        service = Service(broker=broker, environment=environment, folder=tmp_path)
        migrated = service.manage("migrate", "--verbosity", "0")
        assert migrated.returncode == 0, migrated.stderr
        stack.enter_context(running(service, "grants", "consume"))
        app = stack.enter_context(Celery(broker=broker_url, set_as_current=False))
        producer = Producer(app=app, books=service.books, has_exchanges=True)
        yield Stage(service=service, postgresql=postgresql, held=held, producer=producer)


@pytest.fixture
def held_by_rabbitmq(rabbitmq_admin: Any) -> tuple[str, Callable[[], int]]:
    """A virtual host, and how many messages its queues hold; what a worker has in its hands is not counted."""
    return rabbitmq_admin.url, lambda: sum(rabbitmq_admin.messages().values())


@pytest.fixture
def held_by_redis(redis_url: str) -> tuple[str, Callable[[], int]]:
    """The same of a logical database of Redis, where what a worker has in its hands can be counted too."""

    def held() -> int:
        with Redis.from_url(redis_url) as redis:
            lists = [name for name in redis.keys("credits.*") if redis.type(name) == b"list"]
            return sum(redis.llen(name) for name in lists) + redis.hlen("unacked")

    return redis_url, held


def test_while_the_database_is_away_what_is_malformed_stays_on_the_broker_and_is_then_parked_once(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=500)
    worker = stage.service.processes["consume"]
    eventually(lambda: stage.held() == 0)
    tasks = {new_id(): as_bytes(case.body) for case in MALFORMED.values() if case.reason == "not_json"}
    tasks |= {new_id(): b'[[], {"merchant_id": 7}, {}]' for _ in range(20)}
    events = {token: f'{{"token": "{token}"}}'.encode() for token in (new_id() for _ in MALFORMED_EVENTS)}

    stage.postgresql.kill()
    stage.send(tasks)
    stage.send(events, queue="credits.inbound.matches")
    for _ in range(5):
        stage.producer.send("credits.consume_match", match(merchant))
    eventually(lambda: "database in trouble" in worker.log())
    if stage.service.broker == "rabbitmq":  # which gives back what was not acknowledged, and only then counts it
        worker.signal(signal.SIGKILL)
        worker.wait()
    eventually(lambda: stage.held() == len(tasks) + len(events) + 5)
    stage.postgresql.restart()
    if stage.service.broker == "rabbitmq":
        stage.service.start("consume")

    stage.producer.settled(merchant, balance=495)
    for token in (*tasks, *events):
        (parked,) = eventually(lambda token=token: stage.service.books.parked(token))
        assert parked["count"] == 1
    eventually(lambda: stage.held() == 0)


def test_beside_a_flood_of_poison_the_others_are_applied_and_the_worker_keeps_its_size(stage: Stage) -> None:
    merchant = stage.producer.merchant(credits=FLOOD)
    worker = stage.service.processes["consume"].pid
    before = memory_of(worker)
    right = [match(merchant) for _ in range(FLOOD // ONE_IN)]
    bodies = {new_id(): f"{{poison {number} {'x' * 2_000}".encode() for number in range(FLOOD - len(right))}
    ids = list(bodies)
    for number, fields in enumerate(right):
        bodies[new_id()] = json.dumps([[], fields, {}]).encode()
        ids.insert(number * ONE_IN, list(bodies)[-1])

    stage.send({id_: bodies[id_] for id_ in ids})

    stage.producer.settled(merchant, balance=FLOOD - len(right))
    eventually(lambda: stage.service.books.counts()[1] == FLOOD - len(right))
    eventually(lambda: stage.held() == 0)
    assert memory_of(worker) - before < MOST_GROWTH_BYTES
    started = time.monotonic()
    listed = stage.service.manage("parked", "list", "--reason", "not_json", "--queue", "credits.consume")
    assert time.monotonic() - started < LONGEST_SECONDS
    assert len(listed.stdout.splitlines()) == 51


def memory_of(pid: int) -> int:
    """The bytes of memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def as_bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()
