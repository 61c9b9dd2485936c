"""The conformance vectors of docs/conformance as real messages, by another team's producer, through real workers."""

from typing import Any

import pytest

from tests.conformance import Vector, differences, filled, vectors
from tests.e2e.producer import PATIENCE_SECONDS, Producer
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)]

VECTORS = dict(vectors())
SUBJECTS = sorted({name.partition(":")[0] for name in VECTORS})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_message_leads_to_its_outcome_and_events(producer: Producer, service: Service, subject: str) -> None:
    ours = [name for name in VECTORS if name.startswith(f"{subject}: ")]
    wrong = {name: found for name in ours if (found := found_wrong(producer, service, filled(VECTORS[name])))}

    assert wrong == {}


def found_wrong(producer: Producer, service: Service, vector: Vector) -> list[str]:
    """Where what comes out is not what the vector says."""
    for message in vector.given:
        producer.ask(message["task"], message["kwargs"])
    before = len(told(service, vector))
    if "task" in vector.message:
        outcome = producer.ask(vector.message["task"], vector.message["kwargs"])
        wrong = differences(vector.outcome, outcome, path="outcome")
    else:
        producer.tell(vector.message["event_type"], vector.message["data"])
        eventually(lambda: is_done(service, vector), timeout_seconds=PATIENCE_SECONDS, what=vector.name)
        wrong = []
    return [*wrong, *differences(vector.events, told(service, vector)[before:], path="events")]


def is_done(service: Service, vector: Vector) -> bool:
    """Whether a plain event has done what it does: opened the account, or posted the row of its reference."""
    (merchant,) = vector.merchants
    wanted = vector.message["data"]
    reference = wanted.get("purchase_id") or wanted.get("match_id")
    if reference is not None:
        return reference in service.books.references(merchant)
    opens = vector.message["event_type"] == "evt.merchant.created.v1"
    return bool(service.books.account(merchant) if opens else service.books.transactions(merchant))


def told(service: Service, vector: Vector) -> list[dict[str, Any]]:
    """What was recorded to be told of the vector's merchants, in the order of its telling."""
    rows = [row for merchant in vector.merchants for row in service.books.events(merchant)]
    return [{"event_type": row["event_type"], "data": row["body"]["data"]} for row in rows]
