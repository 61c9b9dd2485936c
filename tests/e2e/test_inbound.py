"""Plain events of contract §2: the four that become commands."""

import json
from typing import Any

import pytest

from tests.e2e.producer import Producer, match, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers


def created(merchant_id: str) -> dict[str, Any]:
    """The data of evt.merchant.created.v1."""
    return {
        "merchant_id": merchant_id,
        "platform": "Shopify",
        "shop_domain": f"{merchant_id}.EXAMPLE.com",
        "shop_gid": f"gid://{merchant_id}",
    }


def test_the_four_events_become_their_commands(producer: Producer, service: Service) -> None:
    merchant = new_id()

    producer.tell("evt.merchant.created.v1", created(merchant))
    producer.settled(merchant, balance=0)
    producer.tell("evt.billing.trial.started.v1", {"merchant_id": merchant, "ends_at": "2027-01-01T00:00:00Z"})
    producer.settled(merchant, balance=500)
    bought = {"merchant_id": merchant, "credits": 70, "purchase_id": f"buy {merchant}"}
    producer.tell("evt.billing.credits.purchased.v1", bought)
    producer.settled(merchant, balance=570)
    delivered = match(merchant, matched_items_count=0)
    correlation_id = producer.tell("evt.ai.match.completed.v1", delivered)
    producer.settled(merchant, balance=569)

    account = service.books.account(merchant) or {}
    assert (account["platform_name"], account["shop_domain"]) == ("shopify", f"{merchant}.example.com")
    assert account["platform_shop_id"] == f"gid://{merchant}"
    rows = service.books.transactions(merchant)
    assert [row["reference_type"] for row in rows] == ["trial", "purchase", "match"]
    assert (rows[-1]["reference_id"], rows[-1]["correlation_id"]) == (delivered["match_id"], correlation_id)


def test_an_event_and_a_command_with_one_reference_are_one_request(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=5)
    delivered = match(merchant)
    producer.tell("evt.ai.match.completed.v1", delivered)
    producer.settled(merchant, balance=4)

    outcome = producer.ask("credits.consume_match", delivered)

    assert (outcome["status"], outcome["replayed"], outcome["balance"]) == ("posted", True, 4)


def test_fields_beyond_those_listed_are_ignored(producer: Producer) -> None:
    merchant = producer.merchant(credits=5)

    producer.tell("evt.ai.match.completed.v1", {**match(merchant), "model": "v7"}, shard=3, metadata={"a": 1})

    producer.settled(merchant, balance=4)


def test_only_event_type_and_data_are_required(producer: Producer, service: Service) -> None:
    merchant, key = producer.merchant(credits=5), "evt.ai.match.completed.v1"

    producer.publish_event(json.dumps({"event_type": key, "data": match(merchant)}), routing_key=key)

    producer.settled(merchant, balance=4)
    assert service.books.transactions(merchant)[-1]["correlation_id"]


KEY = "evt.billing.credits.purchased.v1"
REFUSED: dict[str, tuple[str, Any]] = {
    "data": ("data", lambda body: body.pop("data")),
    "event_type": ("event_type", lambda body: body.pop("event_type")),
    "a listed field": ("data.purchase_id", lambda body: body["data"].pop("purchase_id")),
    "an integer": ("data.credits", lambda body: body["data"].update(credits="5")),
    "data's type": ("data", lambda body: body.update(data=[1])),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_an_event_that_lacks_what_is_required_is_parked(producer: Producer, service: Service, wrong: str) -> None:
    merchant, token = producer.merchant(), new_id()
    field, spoil = REFUSED[wrong]
    body = {"token": token, "event_type": KEY, "data": {"merchant_id": merchant, "credits": 5, "purchase_id": token}}
    spoil(body)

    producer.publish_event(json.dumps(body), routing_key=KEY)

    (parked,) = eventually(lambda: service.books.parked(token))
    assert (parked["reason"], parked["field"], parked["queue"]) == ("invalid_field", field, "credits.inbound")
    assert json.loads(parked["body"]) == body
    assert service.books.balance(merchant) == 0


def test_an_event_that_is_not_json_is_parked(producer: Producer, service: Service) -> None:
    token = new_id()

    producer.publish_event(f"{{{token}", routing_key=KEY)

    (parked,) = eventually(lambda: service.books.parked(token))
    assert (parked["reason"], parked["queue"]) == ("not_json", "credits.inbound")


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)
def test_an_event_under_another_type_than_its_routing_key_is_parked(producer: Producer, service: Service) -> None:
    merchant, token = producer.merchant(), new_id()
    data = {"merchant_id": merchant, "credits": 5, "purchase_id": token}

    producer.publish_event(json.dumps({"event_type": "evt.billing.credits.sold.v1", "data": data}), routing_key=KEY)

    (parked,) = eventually(lambda: service.books.parked(token))
    assert (parked["reason"], parked["field"]) == ("invalid_field", "event_type")
    assert service.books.balance(merchant) == 0
