"""Redis: its transport, which chokes on no item of a list, and loses none of those that it has taken."""

from typing import Any

import structlog
from kombu.transport.redis import Channel as RedisChannel
from kombu.transport.redis import Empty
from kombu.transport.redis import QoS as RedisQoS
from kombu.transport.redis import Transport as RedisTransport

from tasks.envelopes import envelope_of, sound
from tasks.in_hand import are_enough
from tasks.topology import QUEUE

log = structlog.get_logger(__name__)


class QoS(RedisQoS):
    """kombu's, but that it takes no more than there is room for, and gives up on an entry that nobody can put back."""

    def can_consume(self) -> bool:
        """Whether the window has room, and the process for its messages' bodies."""
        if not super().can_consume():
            return False
        if are_enough():
            self._flush()  # it holds what has been acknowledged until it takes the next
        return not are_enough()

    def restore_by_tag(self, tag: Any, client: Any = None, *, leftmost: bool = False) -> None:
        """Put a message back that a worker has left; no worker would start while there is one that isn't any."""
        try:
            super().restore_by_tag(tag, client, leftmost=leftmost)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
            log.exception("an entry of unacked is no message: it stays there, and is not looked at again", tag=tag)
            with self.channel.conn_or_acquire(client) as connected:
                connected.zrem(self.unacked_index_key, tag)


class Channel(RedisChannel):
    """kombu's, but for what it does with an item that it can't read or put back, and with a connection that is lost."""

    QoS = QoS

    def _receive_one(self, c: Any) -> Any:
        """kombu's, which leaves what is no JSON among what workers tell each other, and so what is nested too deep."""
        try:
            return super()._receive_one(c)
        except RecursionError:
            log.warning("what a worker is told is nested too deep")
            raise Empty from None

    def _brpop_read(self, **options: Any) -> bool:
        """Hand on one item that Redis has given. Raises Empty where there was none."""
        try:
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                self.client.connection.disconnect()  # the next round connects again
                raise
            if not found:
                raise Empty
            name, item = found
            queue = name.decode().rsplit(self.sep, 1)[0] if isinstance(name, bytes) else name.rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self.connection._deliver(envelope_of(item), queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def close(self) -> None:
        """Close it, also where it was lost in the midst of a poll.

        kombu's would raise then with nothing closed, and be asked again when the connection is no more: that ends the
        worker. The poll is over by the second time.
        """
        try:
            super().close()
        except self.connection_errors:
            super().close()

    def _get_message_priority(self, message: Any, *, reverse: bool = False) -> Any:
        """kombu's, but for what is no whole number: of 1E999999999 it would count the digits, and infinity has none."""
        if type(message["properties"].get("priority")) is not int:
            return super()._get_message_priority({"properties": {}}, reverse=reverse)
        return super()._get_message_priority(message, reverse=reverse)

    def _do_restore_message(self, payload: Any, exchange: str, routing_key: str, *args: Any, **options: Any) -> None:
        """Put a message back into the queue that it came from, whatever its sender wrote of its way there."""
        try:
            queue = payload["properties"]["delivery_info"].get(QUEUE)
        except (AttributeError, LookupError, TypeError):  # it is none of ours, and kombu says so
            queue = None
        way = ("", queue) if queue else (exchange, routing_key)
        super()._do_restore_message(payload, *way, *args, **options)


class Transport(RedisTransport):
    """kombu's, with that channel."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        """Hand a message on, within an envelope of ours where its own is broken."""
        super()._deliver(sound(message, queue), queue)
