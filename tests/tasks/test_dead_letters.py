"""Dead letters: what the broker gave up on is tried alone where it is the ledger's, and parked in the end."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.message import Message as BrokerMessage

from creditsvc.celery import app
from tasks.steps import TIMES_TRIED_ALONE, Beside
from tests.tasks.channels import Broker


@pytest.fixture
def taken() -> list[str]:
    """What became of messages."""
    return []


@pytest.fixture
def take(taken: list[str]) -> Callable[[BrokerMessage], None]:
    """Takes a dead letter as the worker's step does."""
    step = Beside.__new__(Beside)
    step.consumer = SimpleNamespace(
        app=app,
        gatherer=SimpleNamespace(expect=lambda _: None, add=lambda _: taken.append("taken as an event")),
        take_task=lambda _: taken.append("taken as a task"),
        park=lambda _, reason, detail: taken.append(f"parked as {reason}"),
    )
    return step.take_dead_letter


def dead(
    *,
    reason: str = "delivery_limit",
    exchange: str = "credits.commands",
    routing_key: str = "credits.consume",
    queue: str = "credits.consume",
    **headers: Any,
) -> BrokerMessage:
    """A message that the broker has dead-lettered."""
    death = {"reason": reason, "exchange": exchange, "routing-keys": [routing_key], "queue": queue}
    return Broker().deliver(
        headers={"task": "credits.consume", "x-death": [death], **headers},
        delivery_info={"exchange": "credits.dead", "routing_key": routing_key, "queue": "credits.dead"},
    )


DEAD = {
    "a command": (dead(), "taken as a task"),
    "an event": (dead(exchange="glam.events", routing_key="evt.billing.trial.started.v1"), "taken as an event"),
    "an event that was sent again": (
        dead(exchange="", routing_key="credits.inbound", queue="credits.inbound"),
        "taken as an event",
    ),
    "expired": (dead(reason="expired"), "parked as expired"),
    "tried often": (dead(**{"x-delivery-count": TIMES_TRIED_ALONE - 1}), "taken as a task"),
    "tried too often": (dead(**{"x-delivery-count": TIMES_TRIED_ALONE}), "parked as undeliverable"),
    "a notifier": (dead(task="credits.notify_by_webhook"), "parked as undeliverable"),
}


@pytest.mark.parametrize(("message", "becomes"), DEAD.values(), ids=DEAD)
def test_a_dead_letter_is_tried_or_parked(
    take: Callable[[BrokerMessage], None], taken: list[str], message: BrokerMessage, becomes: str
) -> None:
    take(message)

    assert taken == [becomes]
