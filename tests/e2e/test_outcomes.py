"""Outcomes: what a caller that asks for the result is told (contract §1), on every broker."""

from typing import Any

import pytest

from tests.e2e.producer import PATIENCE_SECONDS, Producer, claim, consumption, match, new_id, opening
from tests.e2e.service import Service

pytestmark = pytest.mark.servers

KEYS = [
    "status",
    "replayed",
    "transaction_id",
    "merchant_id",
    "amount",
    "balance",
    "reference_type",
    "reference_id",
    "reason",
    "retried_by",
]


def test_posted_tells_what_moved(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    asked = consumption(merchant, amount=4)

    outcome = producer.ask("credits.consume", asked)

    assert sorted(outcome) == sorted(KEYS)
    assert outcome["transaction_id"] == str(service.books.transactions(merchant)[-1]["id"])
    assert {**outcome, "transaction_id": None} == {
        "status": "posted",
        "replayed": False,
        "transaction_id": None,
        "merchant_id": merchant,
        "amount": 4,
        "balance": 6,
        "reference_type": "export",
        "reference_id": asked["reference_id"],
        "reason": None,
        "retried_by": None,
    }


def test_a_repeat_is_answered_by_the_first_outcome(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    asked = match(merchant)
    first = producer.ask("credits.consume_match", asked)

    again = producer.ask("credits.consume_match", asked)

    assert again == {**first, "replayed": True}
    assert service.books.balance(merchant) == 9


def test_declined_is_no_failure_and_final(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=3)
    asked = consumption(merchant, amount=4)

    declined = producer.ask("credits.consume", asked)

    assert (declined["status"], declined["reason"], declined["balance"]) == ("declined", "insufficient_credits", 3)
    producer.send("credits.purchase", {"merchant_id": merchant, "credits": 9, "purchase_id": new_id()})
    producer.settled(merchant, balance=12)
    assert producer.ask("credits.consume", asked)["status"] == "declined"


def test_who_asks_for_a_hold_knows_before_it_delivers(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    held = consumption(merchant, amount=8, expires_in_s=600)
    aims_at = {"hold_reference_type": held["reference_type"], "hold_reference_id": held["reference_id"]}

    placed = producer.ask("credits.hold", held)
    refused = producer.ask("credits.consume", consumption(merchant, amount=3))
    taken = producer.ask("credits.capture", {**claim(merchant), **aims_at, "amount": 6})
    late = producer.ask("credits.release", {**claim(merchant), **aims_at})

    assert (placed["status"], placed["amount"], placed["balance"]) == ("recorded", 8, 10)
    assert (refused["status"], refused["reason"]) == ("declined", "insufficient_credits")
    assert (taken["status"], taken["amount"], taken["balance"]) == ("posted", 6, 4)
    assert (late["status"], late["reason"]) == ("declined", "already_captured")
    assert service.books.held(merchant) == 0


@pytest.mark.parametrize(("change", "reason"), [({}, None), ({"shop_domain": "other.example.com"}, "shop_differs")])
def test_an_account_that_is_open_already_is_unchanged(
    producer: Producer, change: dict[str, Any], reason: str | None
) -> None:
    merchant = producer.merchant()

    outcome = producer.ask("credits.open_account", {**opening(merchant), **change})

    assert (outcome["status"], outcome["reason"]) == ("unchanged", reason)


def test_a_command_ahead_of_its_account_is_waiting_and_its_result_stays_so(
    producer: Producer, service: Service
) -> None:
    merchant, asked = new_id(), new_id()

    outcome = producer.ask(
        "credits.purchase", {"merchant_id": merchant, "credits": 5, "purchase_id": asked}, task_id=asked
    )

    assert (outcome["status"], outcome["reference_id"]) == ("waiting", asked)
    assert len(service.books.waiting(merchant)) == 1
    producer.send("credits.open_account", opening(merchant))
    producer.settled(merchant, balance=5)
    assert producer.app.AsyncResult(asked).get(timeout=PATIENCE_SECONDS) == outcome


REFUSED: dict[str, dict[str, Any]] = {
    "amount": {"amount": "4"},
    "reference_type": {"reference_type": "trial"},
    "colour": {"colour": "red"},
}


@pytest.mark.parametrize("field", REFUSED)
def test_parked_is_a_failure_that_carries_its_outcome(producer: Producer, service: Service, field: str) -> None:
    merchant = producer.merchant(credits=5)

    result = producer.send("credits.consume", {**consumption(merchant), **REFUSED[field]}, ignore_result=False)
    failure = result.get(timeout=PATIENCE_SECONDS, propagate=False)

    assert result.state == "FAILURE"
    assert type(failure).__name__ == "CommandParked"
    assert failure.args[0]["status"] == "parked"
    assert field in failure.args[0]["reason"]
    (parked,) = service.books.parked(result.id)
    assert (parked["reason"], parked["field"], parked["queue"]) == ("invalid_field", field, "credits.consume")


def test_an_idempotency_conflict_is_parked_beside_what_holds_the_reference(
    producer: Producer, service: Service
) -> None:
    merchant = producer.merchant(credits=9)
    holds = producer.ask("credits.consume", consumption(merchant, amount=2, reference_id=f"ref {merchant}"))

    result = producer.send(
        "credits.consume", consumption(merchant, amount=3, reference_id=f"ref {merchant}"), ignore_result=False
    )
    outcome = result.get(timeout=PATIENCE_SECONDS, propagate=False).args[0]

    assert outcome["status"] == "parked"
    assert outcome["transaction_id"] is None
    (parked,) = service.books.parked(result.id)
    assert parked["reason"] == "idempotency_conflict"
    assert str(parked["conflicts_with_id"]) == holds["transaction_id"]
    assert service.books.balance(merchant) == 7


def test_every_item_of_consume_many_stands_on_its_own(producer: Producer, service: Service) -> None:
    merchant, stranger = producer.merchant(credits=10), new_id()
    items = [
        consumption(merchant, amount=4),
        consumption(merchant, amount=True),
        consumption(merchant, amount=7),
        consumption(stranger),
        consumption(merchant, amount=6),
    ]

    outcome = producer.ask("credits.consume_many", {"items": items})

    assert outcome["status"] == "mixed"
    assert [item["status"] for item in outcome["items"]] == ["posted", "parked", "declined", "waiting", "posted"]
    assert service.books.balance(merchant) == 0
    (parked,) = service.books.parked(items[1]["reference_id"])
    assert (parked["name"], parked["field"]) == ("credits.consume", "amount")


def test_consume_many_is_posted_where_every_item_is(producer: Producer) -> None:
    merchant = producer.merchant(credits=10)

    outcome = producer.ask("credits.consume_many", {"items": [consumption(merchant), consumption(merchant)]})

    assert outcome["status"] == "posted"
    assert [item["balance"] for item in outcome["items"]] == [9, 8]


def test_nobody_else_pays_for_results(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=2)

    result = producer.send("credits.consume", consumption(merchant))

    producer.settled(merchant, balance=1)
    assert result.state == "PENDING"
