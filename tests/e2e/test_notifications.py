"""low_balance and exhausted: follow-up tasks in workers of their own, and the webhook that people configure."""

import hashlib
import hmac
import json
import time
from threading import Event

import pytest
from pytest_celery import CeleryTestWorker

from tests.e2e.nodes import LocalWorker
from tests.e2e.producer import Producer, consumption, new_id
from tests.e2e.service import Service
from tests.e2e.webhook import SECRET, Webhook
from tests.processes import eventually

pytestmark = pytest.mark.servers

ATTEMPTS = 5
ACKNOWLEDGED_WITHIN_SECONDS = 0.5


def fall(producer: Producer, merchant: str, *, correlation_id: str) -> None:
    """Take a merchant who holds 150 to 50."""
    producer.send("credits.consume", consumption(merchant, amount=100, correlation_id=correlation_id))
    producer.settled(merchant, balance=50)


def test_the_webhook_is_told_of_a_low_balance_signed(producer: Producer, service: Service, webhook: Webhook) -> None:
    merchant = producer.merchant(credits=150)

    fall(producer, merchant, correlation_id=f"corr {merchant}")

    ((headers, body),) = eventually(lambda: webhook.calls(merchant))
    event = json.loads(body)
    assert event == service.books.events(merchant)[-1]["body"]
    assert event["event_type"] == "evt.credits.low_balance.v1"
    assert event["data"] == {
        "merchant_id": merchant,
        "balance": 50,
        "threshold": 100,
        "platform_name": "shopify",
    }
    signed = headers["X-Credits-Timestamp"].encode() + b"." + body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Credits-Signature"] == f"sha256={expected}"
    assert headers["X-Event-Id"] == event["event_id"]


def test_the_webhook_is_told_once_of_each_crossing_and_of_exhaustion(producer: Producer, webhook: Webhook) -> None:
    merchant = producer.merchant(credits=150)
    fall(producer, merchant, correlation_id=new_id())
    for amount in (10, 40):
        producer.send("credits.consume", consumption(merchant, amount=amount))
    producer.settled(merchant, balance=0)

    calls = eventually(lambda: found if len(found := webhook.calls(merchant)) == 2 else None)

    types = {json.loads(body)["event_type"] for _, body in calls}
    assert types == {"evt.credits.low_balance.v1", "evt.credits.exhausted.v1"}


def test_a_slow_webhook_delays_neither_posting_nor_events(
    producer: Producer, service: Service, webhook: Webhook
) -> None:
    slow, other = producer.merchant(credits=150), producer.merchant(credits=150)
    webhook.held[slow] = Event()
    fall(producer, slow, correlation_id=new_id())
    eventually(lambda: webhook.calls(slow))

    for _ in range(20):
        producer.send("credits.consume", consumption(other))
    producer.settled(other, balance=130)
    fall_of_other = consumption(other, amount=80)
    producer.send("credits.consume", fall_of_other)

    eventually(lambda: webhook.calls(other))
    assert not webhook.held[slow].is_set()
    webhook.held[slow].set()
    eventually(lambda: all(row["published_at"] for row in service.books.events(other)))


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_a_failing_webhook_is_tried_so_often_and_then_parked(
    producer: Producer, service: Service, webhook: Webhook
) -> None:
    merchant, correlation_id = producer.merchant(credits=150), f"corr {new_id()}"
    webhook.failing.add(merchant)

    fall(producer, merchant, correlation_id=correlation_id)
    for attempt in range(1, ATTEMPTS):
        eventually(lambda so_far=attempt: len(webhook.calls(merchant)) == so_far)
        eventually(lambda: service.books.waiting(correlation_id))
        service.books.let_time_pass(correlation_id)

    (parked,) = eventually(lambda: service.books.parked(merchant))
    assert (parked["reason"], parked["name"]) == ("notifier_failed", "credits.notify_by_webhook")
    assert (parked["queue"], parked["correlation_id"]) == ("credits.notifications", correlation_id)
    assert len(webhook.calls(merchant)) == ATTEMPTS
    assert len({body for _, body in webhook.calls(merchant)}) == 1
    assert service.books.balance(merchant) == 50


@pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
def test_parking_a_message_acknowledges_no_notification_in_flight(
    producer: Producer, service: Service, webhook: Webhook
) -> None:
    merchant, token = producer.merchant(credits=150), new_id()
    worker = CeleryTestWorker(LocalWorker(service=service, name="notifications"), producer.app)
    webhook.held[merchant] = Event()
    fall(producer, merchant, correlation_id=new_id())
    eventually(lambda: webhook.calls(merchant))

    producer.publish(f"{{{token}", queue="credits.notifications")
    eventually(lambda: service.books.parked(token))
    time.sleep(ACKNOWLEDGED_WITHIN_SECONDS)
    worker.kill()
    webhook.held[merchant].set()
    worker.restart()

    eventually(lambda: len(webhook.calls(merchant)) == 2, what="the notification that was in flight comes again")
