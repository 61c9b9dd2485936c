"""The events of contract §3 as a consumer on the broker meets them."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from kombu import Connection, Consumer, Exchange, Queue

from ledger.events import rfc3339
from tests.e2e.producer import Producer, consumption, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = pytest.mark.servers

EVENTS = Exchange("credits.events", type="topic", durable=True)


class Listener:
    """Somebody who listens to credits.events; keeps what came, by merchant."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages: list[Any] = []

    def on_message(self, message: Any) -> None:
        message.ack()
        self.messages.append(message)

    def of(self, merchant_id: str) -> list[Any]:
        """The messages about a merchant, by account_sequence, after a look at what has come."""
        with suppress(socket.timeout):
            self.connection.drain_events(timeout=0.2)
        mine = [m for m in self.messages if json.loads(m.body)["data"]["merchant_id"] == merchant_id]
        return sorted(mine, key=lambda message: json.loads(message.body)["metadata"]["account_sequence"])


@contextmanager
def listening(service: Service, *, routing_key: str = "evt.credits.#") -> Iterator[Listener]:
    name = f"listener {new_id()}" if service.has_exchanges else "credits.events.embedded"
    bound = {"exchange": EVENTS, "routing_key": routing_key} if service.has_exchanges else {"no_declare": True}
    # SQLite lets one process write at a time, and a reader of that broker writes: it waits for it as a worker does.
    options = {} if service.has_exchanges else {"connect_args": {"timeout": 30}}
    with closing(Connection(service.broker_url, transport_options=options)) as connection:
        listener = Listener(connection)
        queue = Queue(name, durable=False, auto_delete=False, **bound)
        if not service.has_exchanges:
            queue(connection.default_channel).purge()  # what all tests before this one have led to
        with Consumer(connection, queues=[queue], on_message=listener.on_message, accept=["json"]):
            yield listener
        if service.has_exchanges:
            queue(connection.default_channel).delete()


def envelopes(messages: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in messages]


def test_a_story_is_told_without_a_gap(producer: Producer, service: Service) -> None:
    with listening(service) as listener:
        merchant = producer.merchant(credits=150)
        for amount in (60, 100, 90):
            producer.ask("credits.consume", consumption(merchant, amount=amount))
        producer.send("credits.purchase", {"merchant_id": merchant, "credits": 100, "purchase_id": new_id()})
        producer.settled(merchant, balance=100)

        messages = eventually(lambda: found if len(found := listener.of(merchant)) >= 8 else None)

    told = envelopes(messages)
    assert [event["event_type"].split(".")[2] for event in told] == [
        "granted",
        "consumed",
        "low_balance",
        "insufficient",
        "consumed",
        "exhausted",
        "granted",
        "recovered",
    ]
    assert [event["metadata"]["account_sequence"] for event in told] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [event["metadata"]["transaction_sequence"] for event in told] == [1, 2, 2, None, 3, 3, 4, 4]


def test_what_time_alone_does_is_told_though_nobody_asks(producer: Producer, service: Service) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=6)).isoformat()  # the hold must have run out by then
    with listening(service) as listener:
        merchant = producer.merchant(credits=200)
        goodwill = consumption(merchant, amount=20, reference_type="goodwill", expires_at=soon)
        producer.ask("credits.grant", goodwill)
        producer.ask("credits.hold", consumption(merchant, amount=190, expires_in_s=1))

        messages = eventually(lambda: found if len(found := listener.of(merchant)) >= 6 else None)

    told = envelopes(messages)
    assert [event["event_type"].split(".")[2] for event in told] == [
        *("granted", "granted", "expiring_soon", "held", "released", "expired")
    ]
    assert told[4]["data"]["reason"] == "expired"
    assert told[4]["metadata"]["transaction_sequence"] is None
    assert told[5]["timestamp"] == rfc3339(datetime.fromisoformat(soon))
    assert told[5]["data"]["original_reference_id"] == goodwill["reference_id"]
    assert service.books.balance(merchant) == 200


def test_an_event_travels_in_the_contracts_envelope(producer: Producer, service: Service) -> None:
    with listening(service) as listener:
        merchant = producer.merchant(credits=150)
        asked = consumption(merchant, amount=5, correlation_id=f"corr {merchant}")
        outcome = producer.ask("credits.consume", asked)

        message = eventually(lambda: found[1] if len(found := listener.of(merchant)) == 2 else None)

    event = json.loads(message.body)
    assert list(event) == [
        "event_id",
        "event_type",
        "correlation_id",
        "source_service",
        "timestamp",
        "data",
        "metadata",
    ]
    assert event["event_id"] == str(uuid5(UUID(outcome["transaction_id"]), "evt.credits.consumed.v1"))
    assert (event["event_type"], event["source_service"]) == ("evt.credits.consumed.v1", "credit-service")
    assert event["correlation_id"] == f"corr {merchant}"
    assert event["data"] == {
        "merchant_id": merchant,
        "amount": 5,
        "balance": 145,
        "reference_type": "export",
        "reference_id": asked["reference_id"],
        "platform_name": "shopify",
    }
    assert message.properties["delivery_mode"] == 2
    assert message.content_type == "application/json"
    if service.has_exchanges:
        assert message.delivery_info["exchange"] == "credits.events"
        assert message.delivery_info["routing_key"] == "evt.credits.consumed.v1"


def test_a_repeat_publishes_nothing(producer: Producer, service: Service) -> None:
    with listening(service) as listener:
        merchant = producer.merchant(credits=150)
        asked = consumption(merchant)
        for _ in range(3):
            producer.ask("credits.consume", asked)
        producer.ask("credits.consume", consumption(merchant))

        eventually(lambda: len(listener.of(merchant)) >= 3)

        assert [event["metadata"]["account_sequence"] for event in envelopes(listener.of(merchant))] == [1, 2, 3]


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)
def test_nobody_bound_to_the_exchange_is_no_error(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=150)

    rows = eventually(lambda: [row for row in service.books.events(merchant) if row["published_at"]])

    assert [row["unrouted"] for row in rows] == [True]


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)
def test_a_consumer_gets_what_its_routing_key_asks_for(producer: Producer, service: Service) -> None:
    with listening(service, routing_key="evt.credits.insufficient.v1") as listener:
        merchant = producer.merchant(credits=1)
        asked = consumption(merchant, amount=3)
        producer.ask("credits.consume", asked)

        (message,) = eventually(lambda: listener.of(merchant))

    assert json.loads(message.body)["data"] == {
        "merchant_id": merchant,
        "attempted_amount": 3,
        "balance": 1,
        "platform_name": "shopify",
        "reference_type": "export",
        "reference_id": asked["reference_id"],
    }


def test_a_long_correlation_id_holds_up_nobodys_events(producer: Producer, service: Service) -> None:
    merchant, longest = producer.merchant(credits=150), "ü" * 255

    producer.send("credits.consume", consumption(merchant, correlation_id=longest, amount=100))

    rows = eventually(lambda: found if len(found := service.books.events(merchant)) == 3 else None)
    assert {row["correlation_id"] for row in rows[1:]} == {longest}
    eventually(lambda: all(row["published_at"] for row in service.books.events(merchant)))
