"""Compressed messages: what fits its header is carried out, at once or later; what doesn't is parked, alone."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.confirms import confirmed
from tests.e2e.producer import Producer, consumption, new_id
from tests.e2e.service import Service
from tests.processes import eventually

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)]

GZIP = "application/x-gzip"
BURST = 12
BROKEN = (0, 4, 5, 11)  # the first, the last, and two that stand side by side
PURCHASED = "evt.billing.credits.purchased.v1"


def burst(producer: Producer, messages: list[tuple[str, dict[str, Any]]], *, exchange: str, routing_key: str) -> None:
    """Put messages, body and headers each, on the broker at once."""
    with confirmed(producer.app.conf.broker_url) as publish:
        for body, headers in messages:
            publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                headers=headers,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
            )


def purchase(merchant: str) -> dict[str, Any]:
    return {"merchant_id": merchant, "credits": 1, "purchase_id": new_id()}


def commands(producer: Producer, task: str, fields: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [producer.task_message(task, each) for each in fields]


def events(fields: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return [(json.dumps({"event_type": PURCHASED, "data": each}), {"id": new_id()}) for each in fields]


def whole(parked: dict[str, Any]) -> str:
    """The body that a parked message keeps."""
    body = parked["body"]
    return base64.b64decode(body).decode() if parked["body_encoding"] == "base64" else str(body)


@pytest.mark.parametrize("queue", ["credits.grants", "credits.consume", "credits.inbound"])
def test_what_is_not_compressed_as_it_says_is_parked_and_its_neighbours_are_applied(
    producer: Producer, service: Service, queue: str
) -> None:
    merchant = producer.merchant(credits=100)
    if queue == "credits.consume":
        messages = commands(producer, "credits.consume", [consumption(merchant) for _ in range(BURST)])
    elif queue == "credits.grants":
        messages = commands(producer, "credits.purchase", [purchase(merchant) for _ in range(BURST)])
    else:
        messages = events([purchase(merchant) for _ in range(BURST)])
    for index in BROKEN:
        messages[index][1]["compression"] = GZIP
    exchange, key = ("glam.events", PURCHASED) if queue == "credits.inbound" else ("", queue)
    logs = {name: len(process.log()) for name, process in service.processes.items()}

    burst(producer, messages, exchange=exchange, routing_key=key)

    moved = (BURST - len(BROKEN)) * (-1 if queue == "credits.consume" else 1)
    producer.settled(merchant, balance=100 + moved)
    for index in BROKEN:
        body, headers = messages[index]
        (parked,) = eventually(lambda id_=headers["id"]: service.books.parked(id_))
        assert (parked["reason"], parked["field"], parked["queue"]) == ("not_json", "body", queue)
        assert (parked["state"], parked["count"], whole(parked)) == ("parked", 1, body)
    for name, process in service.processes.items():
        assert process.exit_code is None
        assert "PRECONDITION_FAILED" not in process.log()[logs[name] :]


def test_a_compressed_command_is_applied(producer: Producer) -> None:
    merchant = producer.merchant(credits=10)

    producer.send("credits.consume", consumption(merchant), compression="gzip")

    producer.settled(merchant, balance=9)


@pytest.mark.parametrize("ignore_result", [True, False], ids=["nobody waits", "somebody waits for its result"])
def test_a_compressed_command_is_applied_when_its_time_has_come(
    producer: Producer, service: Service, ignore_result: bool
) -> None:
    merchant = producer.merchant(credits=10)
    eta = datetime.now(UTC) + timedelta(minutes=10)

    later = consumption(merchant)
    sent = producer.send("credits.consume", later, compression="gzip", eta=eta, ignore_result=ignore_result)
    eventually(lambda: service.books.waiting(sent.id), timeout_seconds=15)
    service.books.let_time_pass(sent.id)

    producer.settled(merchant, balance=9)
    assert service.books.parked(later["reference_id"]) == []


def test_a_compressed_command_that_was_parked_is_applied_when_replayed(producer: Producer, service: Service) -> None:
    merchant = producer.merchant(credits=10)
    death = {"reason": "expired", "count": 1, "queue": "credits.consume", "exchange": "", "routing-keys": ["x"]}
    dead = {"x-death": [death], "x-first-death-queue": "credits.consume"}
    body, headers = producer.task_message("credits.consume", consumption(merchant), **dead)
    producer.publish(body, queue="credits.dead", headers=headers, compression="gzip")
    (parked,) = eventually(lambda: service.books.parked(headers["id"]))

    replayed = service.manage("parked", "replay", str(parked["id"]))

    assert (parked["reason"], replayed.returncode) == ("expired", 0)
    producer.settled(merchant, balance=9)
    assert [row["state"] for row in service.books.parked(headers["id"])] == ["replayed"]
