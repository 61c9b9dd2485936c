"""Fixtures of the client's tests: brokers with the service's own topology, and what has arrived in its queues."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from credits_client import CreditsProducer, Retry
from kombu import Connection

import celeryconfig

QUEUES = [*celeryconfig.task_queues, *celeryconfig.inbound_queues]


def declare(url: str) -> None:
    """Declare the exchanges, queues and bindings that the client sends to, as the service does."""
    with Connection(url) as connection:
        for queue in QUEUES:
            queue(connection.default_channel).declare()


def arrived(url: str, queue: str) -> list[Any]:
    """Take everything out of a queue: kombu's messages, in order."""
    with Connection(url) as connection:
        simple = next(declared for declared in QUEUES if declared.name == queue)(connection.default_channel)
        return list(iter(lambda: simple.get(no_ack=True), None))


@pytest.fixture
def rabbitmq(rabbitmq_url: str) -> str:
    """A RabbitMQ with the service's topology."""
    declare(rabbitmq_url)
    return rabbitmq_url


@pytest.fixture
def redis(redis_url: str) -> str:
    """A Redis with the service's topology."""
    declare(redis_url)
    return redis_url


@pytest.fixture
def producer() -> Iterator[Callable[..., CreditsProducer]]:
    """Makes producers that lose patience quickly; closes them after the test."""
    made: list[CreditsProducer] = []

    def make(url: str, **settings: Any) -> CreditsProducer:
        settings = {"retry": Retry(attempts=3, first_wait_seconds=0.01), "timeout_seconds": 10.0, **settings}
        made.append(CreditsProducer(url, source_service="tests", **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
