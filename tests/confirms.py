"""Publishing until the broker has every message, which RabbitMQ says by confirms.

A channel that closes before that loses messages: docs/decisions/0007-confirms.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection

UNCONFIRMED = 2_000  # in flight at most
CONFIRM_SECONDS = 60.0

Publish = Callable[..., None]


@contextmanager
def confirmed(broker_url: str) -> Iterator[Publish]:
    """kombu's `publish`, declaring nothing. Where the block ends, whatever was published is at the broker."""
    with Connection(broker_url) as connection:
        send = connection.Producer(auto_declare=False).publish
        if connection.transport.driver_type != "amqp":
            yield send
            return
        unconfirmed = Unconfirmed(connection)

        def publish(*args: Any, **options: Any) -> None:
            send(*args, **options)
            unconfirmed.add()

        yield publish
        unconfirmed.drain()


class Unconfirmed:
    """How many messages of a connection's default channel the broker has not confirmed yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent = 0
        self._confirmed = 0  # every message up to this one
        self._ahead: set[int] = set()
        channel = connection.default_channel
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_refusal)
        channel.events["basic_return"].add(self._on_refusal)

    def add(self) -> None:
        """One more message was sent; waits where too many are in flight."""
        self._sent += 1
        self.drain(UNCONFIRMED)

    def drain(self, at_most: int = 0, *, timeout: float = CONFIRM_SECONDS) -> int:
        """Wait until so many, none by default, are in flight; how many messages were sent in all."""
        while self._sent - self._confirmed - len(self._ahead) > at_most:
            self._connection.drain_events(timeout=timeout)
        return self._sent

    def _on_ack(self, tag: int, multiple: bool) -> None:
        if multiple:
            self._confirmed = max(self._confirmed, tag)
            self._ahead = {ahead for ahead in self._ahead if ahead > self._confirmed}
        else:
            self._ahead.add(tag)
        while self._confirmed + 1 in self._ahead:
            self._confirmed += 1
            self._ahead.discard(self._confirmed)

    def _on_refusal(self, *why: Any) -> None:
        raise RuntimeError(f"the broker refused a message: {why}")
