"""The broker's end of a consuming channel, as a test of one process sees it."""

from typing import Any

from amqp import Channel
from kombu.message import Message as BrokerMessage


class Broker(Channel):
    """The broker's end of one channel: what it has delivered and what of that is not acknowledged yet."""

    def __init__(self) -> None:
        self.is_open = True
        self.no_ack_consumers = set()
        self.delivered = 0
        self.unacknowledged: set[int] = set()
        self.frames: list[tuple[int, bool]] = []
        self.returned: list[int] = []

    def deliver(self, **of_the_message: Any) -> BrokerMessage:
        """The next message; further arguments are kombu's."""
        self.delivered += 1
        self.unacknowledged.add(self.delivered)
        return BrokerMessage(**{"body": b"", **of_the_message}, delivery_tag=self.delivered, channel=self)

    def basic_ack(self, delivery_tag: int, multiple: bool = False, argsig: str = "") -> None:
        """As RabbitMQ: a tag that is not outstanding closes the channel by an error (406)."""
        assert self.is_open
        assert delivery_tag in self.unacknowledged, f"unknown delivery tag {delivery_tag}"
        self.frames.append((delivery_tag, multiple))
        covered = range(1, delivery_tag + 1) if multiple else [delivery_tag]
        self.unacknowledged.difference_update(covered)

    def basic_reject(self, delivery_tag: int, requeue: bool, argsig: str = "") -> None:
        assert delivery_tag in self.unacknowledged, f"unknown delivery tag {delivery_tag}"
        self.unacknowledged.discard(delivery_tag)
        self.returned.append(delivery_tag)
