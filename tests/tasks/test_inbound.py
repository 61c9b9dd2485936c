"""Plain events: one that is not what it says it is becomes no request."""

import json
from typing import Any
from uuid import uuid4

import pytest

from ledger.commands import Purchase
from tasks.deliveries import whole
from tasks.inbound import read_event
from tests.tasks.channels import Broker

PURCHASED = "evt.billing.credits.purchased.v1"
STARTED = "evt.billing.trial.started.v1"


def event(
    routing_key: str = PURCHASED,
    *,
    exchange: str = "glam.events",
    sent_as: Any = None,
    death: Any = None,
    **envelope: Any,
) -> Any:
    """What becomes of an event of credits that were bought."""
    data = {"merchant_id": str(uuid4()), "credits": 5, "purchase_id": "order-7", "a field to come": 1}
    message = Broker().deliver(
        body=json.dumps({"event_type": PURCHASED, "data": data, **envelope}),
        content_type="application/json",
        content_encoding="utf-8",
        headers={"x-credits-name": sent_as, "x-death": death and [death]},
        delivery_info={"exchange": exchange, "routing_key": routing_key},
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


@pytest.mark.parametrize("exchange", ["glam.events", "credits.dead"])
def test_what_an_event_was_sent_as_is_believed_from_nobody_else(exchange: str) -> None:
    delivery = event("evt.ai.match.completed.v1", exchange=exchange, sent_as=PURCHASED)

    assert delivery.requests == []
    assert [(parked.reason, parked.field) for parked in delivery.parked] == [("invalid_field", "event_type")]


def test_nobody_passes_one_event_off_as_another_by_a_key_that_none_of_ours_has() -> None:
    """RabbitMQ asks for the right to the routing key alone, and routes by what the header CC names as well."""
    delivery = event("evt.ai.anything", exchange="glam.events")

    assert delivery.requests == []
    assert [(parked.reason, parked.field) for parked in delivery.parked] == [("invalid_field", "event_type")]


def test_an_event_that_is_parked_unread_keeps_the_key_that_it_was_published_with() -> None:
    """By which a replay is judged: a header that names its task is its sender's own."""
    death = {"exchange": "glam.events", "routing-keys": ["evt.ai.other.v1", PURCHASED], "queue": "credits.inbound"}
    expired = Broker().deliver(
        headers={"task": PURCHASED, "x-death": [death]},
        delivery_info={"exchange": "credits.dead", "routing_key": "evt.ai.other.v1", "queue": "credits.dead"},
    )

    assert (whole(expired).queue, whole(expired).name) == ("credits.inbound", "evt.ai.other.v1")
    assert event("credits.inbound", exchange="", sent_as="evt.ai.other.v1").requests == []


def test_an_event_that_died_is_held_to_its_key_whatever_its_sender_notes_of_its_death() -> None:
    """RabbitMQ counts on where a note tells of the same queue and reason, and leaves its keys and its exchange."""
    keys = {"routing-keys": [PURCHASED], "queue": "credits.inbound.matches", "reason": "delivery_limit"}

    for exchange in ("", "glam.events", "credits.inbound.matches"):
        delivery = event("evt.ai.match.completed.v1", exchange="credits.dead", death={**keys, "exchange": exchange})

        assert delivery.requests == []
        assert [(parked.reason, parked.field) for parked in delivery.parked] == [("invalid_field", "event_type")]
        assert delivery.parked[0].message.name == "evt.ai.match.completed.v1"


def test_an_event_parked_by_its_queues_name_is_held_to_no_key_when_it_is_sent_again() -> None:
    assert len(event("credits.inbound", exchange="", sent_as="credits.inbound").requests) == 1


def test_an_event_that_came_straight_to_its_queue_has_no_key_to_be_held_to() -> None:
    """kombu's SimpleQueue has an exchange of its queue's name."""
    deliveries = [event("credits.inbound", exchange=exchange) for exchange in ("", "credits.inbound")]

    assert [len(delivery.requests) for delivery in deliveries] == [1, 1]


@pytest.mark.parametrize(("sent_as", "is_taken"), [(PURCHASED, True), (STARTED, False)])
def test_an_event_that_was_sent_again_and_dead_lettered_is_held_to_its_name(sent_as: str, is_taken: bool) -> None:
    death = {"exchange": "", "routing-keys": ["credits.inbound"], "queue": "credits.inbound"}

    delivery = event("credits.inbound", exchange="credits.dead", sent_as=sent_as, death=death)

    assert bool(delivery.requests) is is_taken


def test_an_event_that_is_sent_again_is_held_to_the_name_that_it_was_stored_by() -> None:
    as_stored = event("credits.inbound", exchange="", sent_as=PURCHASED)
    as_another = event("credits.inbound", exchange="", sent_as=STARTED)

    assert (len(as_stored.requests), as_stored.parked) == (1, [])
    assert ([parked.field for parked in as_another.parked], as_another.requests) == (["event_type"], [])
