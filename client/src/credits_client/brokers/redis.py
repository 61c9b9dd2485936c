"""Redis: an exchange's bindings are looked up once a flight, then all its messages go through one pipeline."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from kombu.exceptions import BatchPublishError
from kombu.messaging import Producer
from redis import exceptions as redis_errors

from credits_client.brokers.base import Broker, Settings
from credits_client.errors import BrokerRefused, Unroutable
from credits_client.flight import Flight
from credits_client.messages import CONTENT_ENCODING, CONTENT_TYPE, Message
from credits_client.routes import Route

_LOGIN_REFUSED = (redis_errors.AuthenticationError, redis_errors.NoPermissionError)


class Redis(Broker):
    """kombu's Redis transport. A message is confirmed by Redis's answer to its LPUSH."""

    # ReadOnlyError is a replica's: another attempt may meet the master.
    trouble = (redis_errors.ConnectionError, redis_errors.TimeoutError, redis_errors.ReadOnlyError, OSError)
    _producer: Producer | None = None

    def own_options(self) -> dict[str, Any]:
        timeout_seconds = self.settings.timeout_seconds
        return {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}

    def forget_channel(self) -> None:
        self._producer = None

    def converse(self, flight: Flight) -> None:
        """See Broker. What no queue is bound for is refused here: kombu would drop it without a word."""
        try:
            producer = self._open_producer()
            self._refuse_unroutable(flight, producer)
            self._carry_bound(flight, producer)
        except _LOGIN_REFUSED as error:
            self.discard()
            flight.refuse_unanswered(error=BrokerRefused, why=str(error))

    def _carry_bound(self, flight: Flight, producer: Producer) -> None:
        positions = flight.unanswered
        flight.departed = flight.departed or bool(positions)
        try:
            with producer.batch(max_size=max(1, len(positions))):
                for position in positions:
                    self._publish(producer, flight.messages[position])
        except (BatchPublishError, redis_errors.ResponseError) as error:
            cause = error.__cause__ if isinstance(error, BatchPublishError) else error
            if not isinstance(cause, redis_errors.ResponseError) or isinstance(cause, redis_errors.ReadOnlyError):
                raise cause or error from None
            self._carry_one_by_one(flight, positions, producer)
        for position in flight.unanswered:
            flight.confirm(position)

    def _carry_one_by_one(self, flight: Flight, positions: Sequence[int], producer: Producer) -> None:
        """After Redis refused some of a pipeline, such as for lack of memory, and it is not known which."""
        for position in positions:
            try:
                self._publish(producer, flight.messages[position])
            except redis_errors.ReadOnlyError:
                raise
            except redis_errors.ResponseError as error:
                flight.refuse(position, error=BrokerRefused, why=str(error))
            else:
                flight.confirm(position)

    def _publish(self, producer: Producer, message: Message) -> None:
        producer.publish(
            message.body,
            exchange=message.route.exchange,
            routing_key=message.route.routing_key,
            content_type=CONTENT_TYPE,
            content_encoding=CONTENT_ENCODING,
            headers=message.headers,
            correlation_id=message.correlation_id,
            message_id=message.message_id,
        )

    def _refuse_unroutable(self, flight: Flight, producer: Producer) -> None:
        producer.channel.forget_tables()
        bound: dict[Route, bool] = {}
        for position in flight.unanswered:
            route = flight.messages[position].route
            if route not in bound:
                bound[route] = producer.channel.reaches_a_queue(route)
            if not bound[route]:
                why = f"exchange {route.exchange!r} has no queue for {route.routing_key!r}"
                flight.refuse(position, error=Unroutable, why=why)

    def _open_producer(self) -> Producer:
        if self._producer is None:
            # After each switch to another address kombu has named its own class again.
            self.connection.transport_cls = _with_known_tables(self.connection.get_transport_cls())
            self.connect()
            self._producer = Producer(self.connection.channel(), auto_declare=False)
        return self._producer


class KnownTables:
    """For a Redis channel of kombu: reads a table of bindings once, not once a message, and as a topic exchange's.

    A process that has not declared an exchange takes it for a direct one, and finds no wildcard bindings.
    """

    def forget_tables(self) -> None:
        """Read each table anew when it is next needed."""
        self._tables: dict[str, list[tuple[str, str, str]]] = {}

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """The exchange's bindings: routing key, pattern, queue."""
        if exchange not in self._tables:
            found = super().get_table(exchange)  # type: ignore[misc]
            # Bound as to a direct exchange, a binding has no pattern; an empty one would match every key.
            self._tables[exchange] = [(key, pattern or f"^{re.escape(key)}$", queue) for key, pattern, queue in found]
        return self._tables[exchange]

    def typeof(self, exchange: str, default: str = "topic") -> Any:
        """The exchange's type: a topic exchange, all of ours being one."""
        return super().typeof(exchange, default)  # type: ignore[misc]

    def reaches_a_queue(self, route: Route) -> bool:
        """Whether any queue is bound for the route."""
        table = self.get_table(route.exchange)
        return bool(self.typeof(route.exchange).lookup(table, route.exchange, route.routing_key, None))


@lru_cache(maxsize=8)
def _with_known_tables(transport: type[Any]) -> type[Any]:
    if issubclass(transport.Channel, KnownTables):
        return transport
    channel = type("Channel", (KnownTables, transport.Channel), {})
    return type("Transport", (transport,), {"Channel": channel})


def broker(settings: Settings) -> Broker:
    """See brokers.broker_for."""
    return Redis(settings)
