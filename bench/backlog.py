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

UNCONFIRMED = 2_000  # in flight at most
CONFIRM_SECONDS = 60.0

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


def fill(broker_url: str, *, exchange: str, task: str, calls: Iterable[Kwargs]) -> int:
    """Publish a task message per call, its task being the routing key; returns how many, once all are confirmed."""
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        unconfirmed = Unconfirmed(channel)
        for sent, kwargs in enumerate(calls, start=1):
            channel.basic_publish(_message(task, kwargs), exchange=exchange, routing_key=task, mandatory=True)
            unconfirmed.up_to = sent
            while unconfirmed.count >= UNCONFIRMED:
                connection.drain_events(timeout=CONFIRM_SECONDS)
        while unconfirmed.count:
            connection.drain_events(timeout=CONFIRM_SECONDS)
        return unconfirmed.up_to


class Unconfirmed:
    """How many messages of one channel the broker has not confirmed yet."""

    def __init__(self, channel: Any) -> None:
        self.up_to = 0
        self._confirmed = 0
        self._ahead: set[int] = set()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_refusal)
        channel.events["basic_return"].add(self._on_refusal)

    @property
    def count(self) -> int:
        return self.up_to - self._confirmed - len(self._ahead)

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  (py-amqp calls it so)
        if multiple:
            self._confirmed = max(self._confirmed, tag)
            self._ahead = {ahead for ahead in self._ahead if ahead > self._confirmed}
        else:
            self._ahead.add(tag)
        while self._confirmed + 1 in self._ahead:
            self._confirmed += 1
            self._ahead.discard(self._confirmed)

    def _on_refusal(self, *why: Any) -> None:
        raise RuntimeError(f"the broker refused a message of the backlog: {why}")


def _message(task: str, kwargs: Kwargs) -> amqp.Message:
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
