"""RabbitMQ: many messages through one channel, then wait until the broker has answered for each."""

import time
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import amqp

from credits_client.brokers.base import Broker, Settings
from credits_client.brokers.frames import packed
from credits_client.errors import BrokerRefused, Nacked, Unroutable
from credits_client.flight import Flight

WRITE_BYTES = 64 * 1024

# What the broker says of a login or virtual host that it does not accept; trying again would not change its mind.
_LOGIN_REFUSED = (amqp.AccessRefused, amqp.NotAllowed, amqp.InvalidPath)


class RabbitMQ(Broker):
    """A connection with one channel in confirm mode; any failure ends the channel."""

    trouble = (amqp.AMQPError, OSError)
    _channel: "ConfirmChannel | None" = None

    def own_options(self) -> dict[str, Any]:
        return {"client_properties": {"connection_name": self.settings.source_service}}

    def forget_channel(self) -> None:
        self._channel = None

    def converse(self, flight: Flight) -> None:
        """See Broker. A broker that closes the channel does not say for which message: then each goes alone."""
        self._carry_in_one_channel(flight, flight.unanswered)
        while unanswered := flight.unanswered:
            self._carry_in_one_channel(flight, unanswered[:1])

    def _carry_in_one_channel(self, flight: Flight, positions: Sequence[int]) -> None:
        try:
            channel = self._open_channel()
        except _LOGIN_REFUSED as error:
            self.discard()
            flight.refuse_unanswered(error=BrokerRefused, why=str(error))
            return
        try:
            channel.carry(flight, positions)
        except amqp.ChannelError as error:
            self._end_channel()
            if len(positions) == 1:
                flight.refuse(positions[0], error=BrokerRefused, why=str(error))

    def _open_channel(self) -> "ConfirmChannel":
        if self._channel is None:
            self.connect()
            self._channel = ConfirmChannel(self.connection.connection, timeout_seconds=self.settings.timeout_seconds)
        return self._channel

    def _end_channel(self) -> None:
        """py-amqp has opened a closed channel again by now, but without confirms."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


class ConfirmChannel:
    """One channel in confirm mode: what was published on it, and what the broker has answered."""

    def __init__(self, connection: amqp.Connection, *, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._connection = connection
        # Every read and write without a time limit of its own: nothing may hang for ever.
        connection.transport.sock.settimeout(timeout_seconds)
        self._channel = connection.channel()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._channel.confirm_select()
        self._last_tag = 0
        self._awaited: dict[int, int] = {}
        self._positions: dict[str, int] = {}
        self._flight = Flight([])

    def close(self) -> None:
        """Close the channel politely."""
        self._channel.close()

    def carry(self, flight: Flight, positions: Sequence[int]) -> None:
        """Publish these messages of the flight and wait for every answer, up to the time limit.

        Raises amqp's errors and OSError (TimeoutError too), after which the channel must not be used again: a late
        confirm would be taken for the next message's.
        """
        self._flight = flight
        self._positions = {flight.messages[position].message_id: position for position in positions}
        flight.departed = True
        self._publish(positions)
        deadline = time.monotonic() + self._timeout_seconds
        while self._awaited:
            left_seconds = deadline - time.monotonic()
            if left_seconds <= 0:
                raise TimeoutError(f"no confirm within {self._timeout_seconds} seconds")
            self._connection.drain_events(timeout=left_seconds)

    def _publish(self, positions: Sequence[int]) -> None:
        write = self._connection.transport.write
        channel_id, frame_max = self._channel.channel_id, self._connection.frame_max
        waiting = bytearray()
        for position in positions:
            self._last_tag += 1
            self._awaited[self._last_tag] = position
            waiting += packed(self._flight.messages[position], channel_id=channel_id, frame_max=frame_max)
            if len(waiting) >= WRITE_BYTES:
                write(waiting)
                waiting = bytearray()
        if waiting:
            write(waiting)

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  (py-amqp calls it so)
        for position in self._settled(tag, multiple):
            self._flight.confirm(position)

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  (py-amqp calls it so)
        for position in self._settled(tag, multiple):
            self._flight.refuse(position, error=Nacked, why="the broker did not take it (basic.nack)")

    def _settled(self, tag: int, multiple: bool) -> list[int]:  # noqa: FBT001
        tags = list(takewhile(lambda awaited: awaited <= tag, self._awaited)) if multiple else [tag]
        return [self._awaited.pop(settled) for settled in tags if settled in self._awaited]

    def _on_return(self, error: Exception, exchange: str, routing_key: str, message: amqp.Message) -> None:
        """A return comes before its own confirm, which then no longer counts."""
        position = self._positions.get(message.properties.get("message_id"))
        if position is not None:
            why = f"exchange {exchange!r} has no queue for {routing_key!r}"
            self._flight.refuse(position, error=Unroutable, why=why)


def broker(settings: Settings) -> Broker:
    """See brokers.broker_for."""
    return RabbitMQ(settings)
