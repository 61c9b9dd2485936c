"""Plain events: one that is not what it says it is becomes no request."""

import json
from typing import Any
from uuid import uuid4

import pytest

from ledger.commands import Purchase
from tasks.inbound import read_event
from tests.tasks.channels import Broker

PURCHASED = "evt.billing.credits.purchased.v1"
STARTED = "evt.billing.trial.started.v1"


def event(routing_key: str = PURCHASED, **envelope: Any) -> Any:
    """What becomes of an event of credits that were bought."""
    data = {"merchant_id": str(uuid4()), "credits": 5, "purchase_id": "order-7", "a field to come": 1}
    message = Broker().deliver(
        body=json.dumps({"event_type": PURCHASED, "data": data, **envelope}),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_info={"routing_key": routing_key},
    )
    return read_event(message)


def test_an_event_becomes_the_command_that_it_stands_for() -> None:
    delivery = event()

    (request,) = delivery.requests
    assert isinstance(request.command, Purchase)
    assert (request.command.credits, request.command.purchase_id, delivery.parked) == (5, "order-7", [])


@pytest.mark.parametrize(
    ("routing_key", "envelope", "field"),
    [
        (STARTED, {}, "event_type"),
        ("credits.inbound", {"event_type": "evt.something.else.v1"}, "event_type"),
        (PURCHASED, {"data": {"merchant_id": str(uuid4()), "credits": "5", "purchase_id": "p"}}, "data.credits"),
        (PURCHASED, {"data": []}, "data"),
    ],
)
def test_an_event_that_is_not_what_it_says_is_parked_by_the_name_of_its_field(
    routing_key: str, envelope: dict[str, Any], field: str
) -> None:
    delivery = event(routing_key, **envelope)

    assert delivery.requests == []
    assert [(parked.reason, parked.field) for parked in delivery.parked] == [("invalid_field", field)]
