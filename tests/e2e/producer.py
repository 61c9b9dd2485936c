"""A producer of another team: it knows the contract's names and JSON, and nothing of the service's code."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.backends.redis import RedisBackend
from celery.result import AsyncResult
from kombu import Queue

from tests.confirms import confirmed
from tests.e2e.books import Books
from tests.processes import eventually

QUEUES = {
    "credits.open_account": "credits.grants",
    "credits.start_trial": "credits.grants",
    "credits.purchase": "credits.grants",
    "credits.grant": "credits.grants",
    "credits.change_shop": "credits.grants",
    "credits.reverse": "credits.grants",
    "credits.consume_match": "credits.consume",
    "credits.consume": "credits.consume",
    "credits.consume_many": "credits.consume",
    "credits.hold": "credits.consume",
    "credits.capture": "credits.consume",
    "credits.release": "credits.consume",
}
EVENT_QUEUES = {
    "evt.merchant.created.v1": "credits.inbound",
    "evt.billing.trial.started.v1": "credits.inbound",
    "evt.billing.credits.purchased.v1": "credits.inbound",
    "evt.ai.match.completed.v1": "credits.inbound.matches",
}
PATIENCE_SECONDS = 45.0

Fields = dict[str, Any]


def forget_results(app: Celery) -> None:
    """Close what Celery heard of results by; what it still waits for would open it again when it is collected."""
    if isinstance(app.backend, RedisBackend):
        app.backend.result_consumer.subscribed_to.clear()
        app.backend.result_consumer.stop()
        app.backend.client.connection_pool.disconnect()


def new_id() -> str:
    """An id that nobody else has."""
    return str(uuid4())


def opening(merchant_id: str) -> Fields:
    """The kwargs of credits.open_account."""
    return {
        "merchant_id": merchant_id,
        "platform_name": "shopify",
        "platform_shop_id": f"gid://{merchant_id}",
        "shop_domain": f"{merchant_id}.example.com",
    }


def consumption(merchant_id: str, **fields: Any) -> Fields:
    """The kwargs of credits.consume."""
    return {"merchant_id": merchant_id, "amount": 1, "reference_type": "export", "reference_id": new_id(), **fields}


def claim(merchant_id: str, **fields: Any) -> Fields:
    """The kwargs that capture, release and reversal have alike."""
    return {"merchant_id": merchant_id, "reference_type": "delivery", "reference_id": new_id(), **fields}


def match(merchant_id: str, **fields: Any) -> Fields:
    """The kwargs of credits.consume_match."""
    return {
        "merchant_id": merchant_id,
        "match_id": new_id(),
        "shopper_id": "shopper-7",
        "matched_items_count": 3,
        **fields,
    }


class Producer:
    """Sends commands and events by the first way that the contract shows for its broker."""

    def __init__(self, *, app: Celery, books: Books, has_exchanges: bool) -> None:
        self.app = app
        self.books = books
        self.has_exchanges = has_exchanges

    def way(self, task: str) -> Fields:
        """The arguments of send_task by which a task's message finds its queue."""
        if self.has_exchanges:
            return {"exchange": "credits.commands", "routing_key": task, "declare": [], "mandatory": True}
        return {"queue": Queue(QUEUES[task], no_declare=True)}

    def send(self, task: str, fields: Any = None, **options: Any) -> AsyncResult:
        """Send a command, by the usual way unless another is given; nobody waits for its result unless told so."""
        way = {} if options.keys() & {"exchange", "queue"} else self.way(task)
        return self.app.send_task(task, kwargs=fields, **{"ignore_result": True, **way, **options})

    def ask(self, task: str, fields: Any, **options: Any) -> Fields:
        """Send a command and wait for its outcome, as the backend keeps it: of a failure, what it carries."""
        result = self.send(task, fields, ignore_result=False, **options)
        value = result.get(timeout=PATIENCE_SECONDS, propagate=False)
        return value.args[0] if isinstance(value, Exception) else value

    def publish(
        self,
        body: bytes | str,
        *,
        queue: str,
        headers: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        content_encoding: str = "utf-8",
        **properties: Any,
    ) -> None:
        """Put any body straight into a queue."""
        with confirmed(self.app.conf.broker_url) as publish:
            publish(
                body,
                exchange="",
                routing_key=queue,
                content_type=content_type,
                content_encoding=content_encoding,
                headers=dict(headers or {}),
                delivery_mode=2,
                **properties,
            )

    def can_send(self, header: Any) -> bool:
        """Whether a header can be sent at all: the embedded broker's JSON knows no bytes."""
        return self.has_exchanges or not isinstance(header, bytes)

    def task_message(self, task: str, fields: Any, **headers: Any) -> tuple[str, Fields]:
        """Body and headers of a command as a producer in another language writes them (protocol 2)."""
        task_id = headers.pop("id", new_id())
        return json.dumps([[], fields, {}]), {"lang": "js", "task": task, "id": task_id, "root_id": task_id, **headers}

    def tell(self, event_type: str, data: Fields, **envelope: Any) -> str:
        """Publish a plain event as contract §2 writes it; its correlation id."""
        body = {
            "event_id": new_id(),
            "event_type": event_type,
            "correlation_id": f"corr_{new_id()}",
            "source_service": "somebody",
            "timestamp": "2026-01-31T12:00:00Z",
            "data": data,
            **envelope,
        }
        self.publish_event(json.dumps(body), routing_key=event_type)
        return str(body["correlation_id"])

    def publish_event(self, body: bytes | str, *, routing_key: str, **parts: Any) -> None:
        """Publish any body under a routing key; on the embedded broker straight to that key's queue."""
        if not self.has_exchanges:
            self.publish(body, queue=EVENT_QUEUES[routing_key], **parts)
            return
        with confirmed(self.app.conf.broker_url) as publish:
            publish(
                body,
                exchange="glam.events",
                routing_key=routing_key,
                **{"content_type": "application/json", "content_encoding": "utf-8", **parts},
            )

    def merchant(self, *, credits: int = 0) -> str:
        """A new merchant whose account is open and holds so many credits; its id."""
        merchant_id = new_id()
        self.send("credits.open_account", opening(merchant_id))
        if credits:
            self.send("credits.purchase", {"merchant_id": merchant_id, "credits": credits, "purchase_id": new_id()})
        self.settled(merchant_id, balance=credits)
        return merchant_id

    def settled(self, merchant_id: str, *, balance: int) -> None:
        """Wait until the merchant's balance is so much."""
        eventually(
            lambda: self.books.balance(merchant_id) == balance,
            timeout_seconds=PATIENCE_SECONDS,
            what=f"balance {balance} of {merchant_id}, which has {self.books.balance(merchant_id)}",
        )
