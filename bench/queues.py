"""The queues of one virtual host: how much each holds, and a listener to what the service publishes."""

from types import TracebackType
from typing import Any, Self

from kombu import Connection, Exchange, Queue

from celeryconfig import events, quorum

LISTENER = Queue("bench.listener", exchange=events, routing_key="#", queue_arguments=quorum)


class Queues:
    """A connection of its own. Counts are the broker's of this moment, without what a consumer holds unacknowledged."""

    def __init__(self, broker_url: str) -> None:
        self._connection = Connection(broker_url)
        self.heard = 0  # what the listener's queue held and was taken out of it

    def __enter__(self) -> Self:
        self._channel = self._connection.channel()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.release()

    def declare(self, queue: Queue) -> None:
        """Declare a queue, its exchange and its binding."""
        queue(self._channel).declare()

    def declare_quorum(self, name: str, *, exchange: str) -> None:
        """Declare a quorum queue that its exchange routes its own name to."""
        self.declare(Queue(name, exchange=Exchange(exchange), routing_key=name, queue_arguments=quorum))

    def hear(self) -> None:
        """Take everything out of the listener's queue, as a listener does, and count it."""
        self.heard += self._channel.queue_purge(queue=LISTENER.name)

    def ready(self, name: str) -> int:
        """How many messages of the queue are ready to be delivered."""
        answer: Any = self._channel.queue_declare(queue=name, passive=True)
        return int(answer.message_count)
