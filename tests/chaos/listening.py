"""Listening: another service's durable queue for all that is published, read once everything is over."""

import json
from typing import Any

from kombu import Connection, Exchange, Queue

EVENTS = Exchange("credits.events", type="topic", durable=True)
LISTENER = Queue("chaos.listener", EVENTS, routing_key="#", queue_arguments={"x-queue-type": "quorum"})
PREFETCH = 2_000
SILENCE_SECONDS = 3.0

Envelope = dict[str, Any]


def listen(broker_url: str) -> None:
    """Have every event be kept from now on."""
    with Connection(broker_url) as connection:
        LISTENER(connection.default_channel).declare()


def heard(broker_url: str) -> list[Envelope]:
    """Every event that has arrived, repeats too, in order of arrival."""
    envelopes: list[Envelope] = []

    def take(message: Any) -> None:
        envelopes.append(json.loads(message.body))
        message.ack()

    with Connection(broker_url) as connection:
        channel = connection.default_channel
        channel.basic_qos(0, PREFETCH, False)
        with connection.Consumer(LISTENER(channel), on_message=take, auto_declare=False):
            while True:
                try:
                    connection.drain_events(timeout=SILENCE_SECONDS)
                except TimeoutError:
                    return envelopes
