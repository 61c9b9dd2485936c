"""Publishing many messages at once, each confirmed: by RabbitMQ's confirms; elsewhere by the write itself."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

from celery import Celery
from kombu import Connection, Producer

from tasks.consuming import BrokerConnection
from tasks.outgoing import Outgoing
from tasks.packing import ID, PERSISTENT, packed
from tasks.shutdown import stopping
from tasks.transports import is_embedded

CONFIRM_TIMEOUT_S = 10.0
CONFIRM_TIMEOUT_WHILE_STOPPING_S = 2.0
LOOK_UP_EVERY_S = 0.5
AT_ONCE = 128  # messages written at a time, so that the broker begins while the next ones are sent


@dataclass(slots=True)
class Published:
    """What became of messages, by id: the confirmed, those of them nobody was bound for, and why others failed."""

    confirmed: set[UUID] = field(default_factory=set)
    unrouted: set[UUID] = field(default_factory=set)
    error: str = ""


class Publisher(Protocol):
    """One thread's way to the broker."""

    def publish(self, messages: Sequence[Outgoing]) -> Published: ...

    def close(self) -> None: ...


def publisher_for(app: Celery) -> Publisher:
    """A publisher for the broker that the application is configured with; connects at once."""
    # Without confirm_publish, which waits for each message by itself.
    options = {name: value for name, value in app.conf.broker_transport_options.items() if name != "confirm_publish"}
    connection = BrokerConnection(app.conf.broker_write_url or app.conf.broker_url, transport_options=options)
    # Once, not for as long as it takes: what can't be published now is left to the sweep.
    connection.connect()
    if connection.transport.driver_type == "amqp":
        return ConfirmingPublisher(app, connection)
    return WritingPublisher(app, connection)


class ConfirmingPublisher:
    """RabbitMQ: publishes all, then waits until each one is confirmed, refused or returned.

    Any failure closes the connection: a late confirm must never be taken for a later message's.
    """

    def __init__(self, app: Celery, connection: Connection) -> None:
        self.app = app
        self.connection = connection
        self.channel = connection.default_channel
        self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._on_ack)
        self.channel.events["basic_nack"].add(self._on_nack)
        self.channel.events["basic_return"].add(self._on_return)
        self._tag = 0
        self._waiting: dict[int, Outgoing] = {}
        self._returned: set[str] = set()
        self._published = Published()

    def publish(self, messages: Sequence[Outgoing]) -> Published:
        """Publish messages; raises the connection's errors, and TimeoutError where confirms stay away."""
        self._published = Published()
        self._returned.clear()
        frames = self._packed(messages)
        self._waiting = dict(enumerate(messages, start=self._tag + 1))
        self._tag += len(messages)
        for start in range(0, len(frames), AT_ONCE):
            self.channel.connection.transport.write(b"".join(frames[start : start + AT_ONCE]))
        self._await_confirms()
        return self._published

    def close(self) -> None:
        """Close the connection without waiting for anybody."""
        self.connection.collect()

    def _packed(self, messages: Sequence[Outgoing]) -> list[bytes]:
        """All of them before the first is sent: one that can't be packed takes no other along half-way."""
        channel, frame_max = self.channel.channel_id, self.channel.connection.frame_max
        return [packed(message, channel=channel, frame_max=frame_max) for message in messages]

    def _await_confirms(self) -> None:
        started = monotonic()
        while self._waiting:
            patience = CONFIRM_TIMEOUT_WHILE_STOPPING_S if stopping.is_set() else CONFIRM_TIMEOUT_S
            remaining = started + patience - monotonic()
            if remaining <= 0:
                raise TimeoutError(f"{len(self._waiting)} messages were not confirmed in {patience:.0f} s")
            with suppress(TimeoutError):
                self.connection.connection.drain_arrived(timeout_s=min(remaining, LOOK_UP_EVERY_S))

    def _on_return(self, _error: Any, _exchange: str, _routing_key: str, message: Any) -> None:
        # The broker returns a message ahead of its confirm.
        self._returned.add(message.headers[ID])

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001  (py-amqp calls it so)
        for message in self._settled(delivery_tag, multiple):
            if not self._returned or str(message.id) not in self._returned:
                self._published.confirmed.add(message.id)
            elif message.must_arrive:
                self._published.error = f"no queue {message.routing_key}"
            else:
                self._published.confirmed.add(message.id)
                self._published.unrouted.add(message.id)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001  (py-amqp calls it so)
        for _ in self._settled(delivery_tag, multiple):
            self._published.error = "the broker refused it"

    def _settled(self, delivery_tag: int, multiple: bool) -> list[Outgoing]:  # noqa: FBT001
        if not multiple:
            return [self._waiting.pop(delivery_tag)]
        # The tags stand in their order: up to the first that is later.
        return [self._waiting.pop(tag) for tag in list(takewhile(lambda tag: tag <= delivery_tag, self._waiting))]


class WritingPublisher:
    """Redis and the embedded broker: what is written is there; a batch is one round trip where the transport can."""

    def __init__(self, app: Celery, connection: Connection) -> None:
        self.app = app
        self.connection = connection
        self.producer = Producer(connection.default_channel)
        app.conf["events"](connection.default_channel).declare()
        if is_embedded(app):
            # It knows no exchanges across processes, so each one that publishes binds the queue itself.
            app.conf["embedded_events_queue"](connection.default_channel).declare()

    def publish(self, messages: Sequence[Outgoing]) -> Published:
        """Publish messages; raises the connection's errors."""
        published = Published()
        with self.producer.batch():
            for message in messages:
                self._publish(message, published)
        return published

    def close(self) -> None:
        """Close the connection."""
        self.connection.release()

    def _publish(self, message: Outgoing, published: Published) -> None:
        if self._reaches_nobody(message):
            published.unrouted.add(message.id)
        else:
            self.producer.publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                headers=dict(message.headers),
                delivery_mode=PERSISTENT,
                **message.properties,
            )
        published.confirmed.add(message.id)

    def _reaches_nobody(self, message: Outgoing) -> bool:
        if not message.exchange:
            return False
        channel = self.connection.default_channel
        table = channel.get_table(message.exchange)
        return not channel.typeof(message.exchange).lookup(table, message.exchange, message.routing_key, None)
