"""The backlog: task messages as Celery's send_task makes them, published fast, all confirmed before the measuring."""

import json
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any
from uuid import uuid4

import amqp
from celery import Celery
from kombu import Connection

from bench import merchants
from tests.confirms import Unconfirmed

Kwargs = Mapping[str, Any]

_celery = Celery()


def matches(count: int, *, merchant_count: int = merchants.COUNT) -> Iterable[Kwargs]:
    """The arguments of that many credits.consume_match, over the first merchants uniformly, in a fixed order."""
    chance = Random(count)
    for number in range(count):
        yield {
            "merchant_id": str(merchants.merchant_id(chance.randrange(merchant_count))),
            "match_id": f"match-{number}",
            "shopper_id": f"shopper-{number % 97}",
            "matched_items_count": number % 9,
        }


def many(count: int, *, items: int) -> Iterable[Kwargs]:
    """The arguments of that many credits.consume_many, each over as many merchants as it has items."""
    chance = Random(count)
    for number in range(count):
        chosen = chance.sample(range(merchants.COUNT), items)
        yield {
            "items": [
                {
                    "merchant_id": str(merchants.merchant_id(merchant)),
                    "amount": 1,
                    "reference_type": "job",
                    "reference_id": f"{number}-{merchant}",
                }
                for merchant in chosen
            ]
        }


def fill(broker_url: str, *, exchange: str, task: str, calls: Iterable[Kwargs]) -> int:
    """Publish a task message per call, its task being the routing key; returns how many, once all are confirmed."""
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        unconfirmed = Unconfirmed(connection)
        for kwargs in calls:
            channel.basic_publish(task_message(task, kwargs), exchange=exchange, routing_key=task, mandatory=True)
            unconfirmed.add()
        return unconfirmed.drain()


def task_message(task: str, kwargs: Kwargs) -> amqp.Message:
    """One task message as send_task makes it, to be kept on disk."""
    task_id = str(uuid4())
    made = _celery.amqp.as_task_v2(task_id, task, kwargs=kwargs, ignore_result=True)
    return amqp.Message(
        json.dumps(made.body),
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=2,
        application_headers=made.headers,
        **made.properties,
    )
