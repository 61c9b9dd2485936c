"""The worker's own boot steps: what it takes beside its tasks, how fast it reads, its figures for `inspect stats`."""

from collections.abc import Callable
from typing import Any

from celery import bootsteps
from kombu import Consumer, Queue
from kombu.message import Message as BrokerMessage

from ledger.links import COMMAND_TASKS
from ledger.outcomes import ParkReason
from ledger.plain_events import EVENTS
from tasks.consuming import Connection
from tasks.deliveries import redeliveries
from tasks.inbound import read_event
from tasks.topology import death_of, event_queues, queue_of, routing_key_of

# The broker counts redeliveries, and a worker that is stopped gives back what it has not tried yet.
TIMES_TRIED_ALONE = 20


class Beside(bootsteps.ConsumerStep):
    """Consumes, on a channel of its own, the queues that celeryconfig.inbound_beside puts beside the worker's own."""

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, consumer: Any, **kwargs: Any) -> None:
        self.consumer = consumer
        super().__init__(consumer, **kwargs)

    def get_consumers(self, channel: Any) -> list[Consumer]:
        """One consumer a queue, with a prefetch window for as many requests as the tasks'."""
        app = self.consumer.app
        taken = app.amqp.queues.consume_from
        names = {
            name for task_queue, beside in app.conf["inbound_beside"].items() if task_queue in taken for name in beside
        }
        queues = [*app.conf["inbound_queues"], app.conf["dead_letter_queue"]]
        channel.basic_qos(0, app.conf["events_prefetch"], False)  # noqa: FBT003  (AMQP's own signature)
        return [self._consumer(channel, queue) for queue in queues if queue.name in names]

    def _consumer(self, channel: Any, queue: Queue) -> Consumer:
        is_dead = queue.name == self.consumer.app.conf["dead_letter_queue"].name
        return Consumer(
            channel,
            queues=[queue],
            accept=["json"],
            auto_declare=True,
            on_message=self.consumer.guarded(self.take_dead_letter if is_dead else self.take_event),
            on_decode_error=self.consumer.on_decode_error,
        )

    def take_event(self, message: BrokerMessage) -> None:
        """A plain event has arrived."""
        self.consumer.gatherer.expect(message)
        self.consumer.gatherer.add(read_event(message))

    def take_dead_letter(self, message: BrokerMessage) -> None:
        """What the broker gave up on: expired, or delivered too often. The latter is tried alone, then parked."""
        reason = str(death_of(message).get("reason", "unknown"))
        if reason == "expired":
            self._park(message, ParkReason.EXPIRED, detail="the broker's time-to-live passed")
        elif redeliveries(message) >= TIMES_TRIED_ALONE:
            self._park(message, ParkReason.UNDELIVERABLE, detail=f"{reason}, and again when tried alone")
        elif routing_key_of(message) in EVENTS or queue_of(message) in event_queues():
            self.take_event(message)
        elif is_command(message.headers.get("task")):
            self.consumer.take_task(message)
        else:
            # A notifier could hold up the ledger here.
            self._park(message, ParkReason.UNDELIVERABLE, detail=f"{reason}, and no command")

    def _park(self, message: BrokerMessage, reason: ParkReason, *, detail: str) -> None:
        self.consumer.gatherer.expect(message)
        self.consumer.park(message, reason, detail=detail)


class Figures(bootsteps.StartStopStep):
    """Puts the gatherer's figures into `inspect stats`."""

    requires = ("celery.worker.consumer:Tasks",)

    def info(self, consumer: Any) -> dict[str, Any]:
        """Batches, messages and requests since the worker started."""
        return {"gathering": dict(consumer.gatherer.figures)}


class Paced(bootsteps.StartStopStep):
    """Has RabbitMQ's messages read no faster than the gatherer has room for what they ask."""

    requires = ("celery.worker.consumer:Tasks",)
    _read_on: Callable[[], None] | None = None

    def start(self, consumer: Any) -> None:
        """After each connection."""
        self.stop(consumer)
        connection = consumer.connection.connection
        if isinstance(connection, Connection):
            connection.is_to_read = consumer.gatherer.await_room
            self._read_on = connection.read_on
            consumer.hub.on_tick.add(self._read_on)

    def stop(self, consumer: Any) -> None:
        """The connection is gone."""
        if self._read_on is not None:
            consumer.hub.on_tick.discard(self._read_on)


def is_command(task: Any) -> bool:
    """Whether a header names a command's task; it may be anything."""
    return isinstance(task, str) and task in COMMAND_TASKS
