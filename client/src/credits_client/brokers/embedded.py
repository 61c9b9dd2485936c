"""The embedded broker, a database file: one message at a time, straight to its queue."""

from kombu.messaging import Producer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from credits_client.brokers.base import Broker, Settings
from credits_client.flight import Flight
from credits_client.messages import CONTENT_ENCODING, CONTENT_TYPE


class Embedded(Broker):
    """kombu's SQLAlchemy transport. A message is confirmed by its commit."""

    trouble = (DBAPIError, OSError)  # locked for too long, or another process made the queue's row first
    _producer: Producer | None = None
    _session: Session | None = None

    def forget_channel(self) -> None:
        self._producer = self._session = None

    def converse(self, flight: Flight) -> None:
        """See Broker."""
        producer = self._open_producer()
        for position in flight.unanswered:
            flight.departed = True
            message = flight.messages[position]
            producer.publish(
                message.body,
                exchange="",
                routing_key=message.route.queue,
                content_type=CONTENT_TYPE,
                content_encoding=CONTENT_ENCODING,
                headers=message.headers,
                correlation_id=message.correlation_id,
                message_id=message.message_id,
            )
            flight.confirm(position)

    def after_fork(self) -> object:
        """See Broker.after_fork. The engine is shared by all connections of the process, so it starts anew too."""
        if self._session is not None:
            self._session.get_bind().engine.dispose(close=False)
        return super().after_fork()

    def _open_producer(self) -> Producer:
        if self._producer is None:
            self.connect()
            channel = self.connection.channel()
            self._session = channel.session  # opens the file, and makes its tables where it is new
            self._producer = Producer(channel, auto_declare=False)
        return self._producer


def broker(settings: Settings) -> Broker:
    """See brokers.broker_for."""
    return Embedded(settings)
