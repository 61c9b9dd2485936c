"""The door: Celery's consumer, kept from losing or choking on any message that is not a task it knows."""

from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from celery.backends.base import DisabledBackend
from celery.concurrency.thread import TaskPool
from celery.exceptions import ImproperlyConfigured
from celery.worker.consumer import Consumer
from kombu.exceptions import OperationalError
from kombu.message import Message as BrokerMessage

from ledger.journal.parking import ToPark
from ledger.outcomes import ParkReason
from tasks.borders import crosses
from tasks.deliveries import Delivery, bare, whole
from tasks.encodings import payload_of
from tasks.gathering import Gatherer
from tasks.handing import stored
from tasks.plain import read_plain
from tasks.reading import correlation_id_of

log = structlog.get_logger(__name__)

CELERYS_OWN = "celery.backend_cleanup"  # beat sends it where results are kept in a database


class Door(Consumer):
    """As Celery stands, what is malformed is acknowledged and lost, or ends the worker. Here it is parked."""

    class Blueprint(Consumer.Blueprint):
        """Celery's steps but two. An eta waits in the ledger's database, not in the 28 queues of delayed delivery.

        Gossip listens to other workers' events and starts whatever task an election names: nobody here elects.
        """

        default_steps = [
            step for step in Consumer.Blueprint.default_steps if not step.endswith((":DelayedDelivery", ":Gossip"))
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.pool, TaskPool):
            raise ImproperlyConfigured("workers run with --pool threads (worker_pool in celeryconfig.py)")
        # What a connection's loss becomes where kombu publishes, as in the midst of Celery's own start (mingle): as
        # Celery stands, that ends the worker.
        self.connection_errors: tuple[type[Exception], ...] = (*self.connection_errors, OperationalError)
        self.gatherer = Gatherer(self)
        self.gossip = None  # what a control command that asks for it finds
        self.take_task: Callable[[BrokerMessage], Any] = self.keep_early
        self._early: deque[BrokerMessage] = deque()

    def update_strategies(self) -> None:
        """Celery's strategies of the tasks that messages may start: of its own, which start others, one."""
        super().update_strategies()
        for name in [name for name in self.strategies if name.startswith("celery.") and name != CELERYS_OWN]:
            del self.strategies[name]
        for task in self.app.tasks.values():
            task.__trace__ = stored(task.__trace__)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[BrokerMessage], Any]:
        """Celery's handler, with whatever it chokes on parked instead. Errors of the connection still rise."""
        handle = super().create_task_handler(*args, **kwargs)
        stores_results = not isinstance(self.app.backend, DisabledBackend)

        def within_borders(message: BrokerMessage) -> None:
            if plain := read_plain(message, stores_results=stores_results):
                self.gatherer.add(plain)
            elif not isinstance(message.headers.get("task"), str):
                # Celery would look for its name in the body, as of protocol 1, where no border has been watched.
                self.park_nameless(message)
            elif crosses(message):
                self.park(message, ParkReason.UNKNOWN_TASK, field="task", detail="no command of the contract")
            else:
                handle(message)

        self.take_task = self.guarded(within_borders)
        while self._early:
            self.take_task(self._early.popleft())
        return self.take_task

    def guarded(self, handle: Callable[[BrokerMessage], Any]) -> Callable[[BrokerMessage], None]:
        """A handler of messages, with whatever it chokes on parked instead. Errors of the connection still rise."""
        of_the_connection = (*self.connection_errors, *self.channel_errors)

        def take(message: BrokerMessage) -> None:
            self.gatherer.expect(message)
            try:
                handle(message)
            except of_the_connection:
                raise
            except Exception as error:
                log.warning("a message can't be taken for what it should be", exc_info=True)
                self.park(message, ParkReason.NOT_A_TASK, field=_field_of(error), detail=str(error))
            finally:
                message._decoded_cache = (
                    None  # kombu would hold what was read, of many times the body's size, to the ack
                )

        return take

    def keep_early(self, message: BrokerMessage) -> None:
        """A task that came beside the task queues, before Celery had made its handler, waits for that."""
        self.gatherer.expect(message)
        self._early.append(message)

    def park(self, message: BrokerMessage, reason: ParkReason, *, field: str = "", detail: str = "") -> None:
        """Have a message stored whole, then acknowledged; it is not carried out."""
        try:
            kept = whole(message)
        except Exception:  # else it would end each worker that takes it, one after the other
            log.exception("a message can't be read whole")
            kept = bare(message)
        parked = ToPark(message=kept, reason=reason, field=field, detail=detail, correlation_id=correlation_id_of(kept))
        self.gatherer.add(Delivery(message, kept.name, parked=[parked]))

    def park_nameless(self, message: BrokerMessage) -> None:
        """Have a message that names no task parked, for its body where nobody can read that either."""
        try:
            payload_of(message)
        except Exception as error:
            self.park(message, ParkReason.NOT_JSON, field="body", detail=str(error))
        else:
            detail = "a task message names its task in its headers"
            self.park(message, ParkReason.NOT_A_TASK, field="task", detail=detail)

    def on_decode_error(self, message: BrokerMessage, exc: Exception) -> None:
        """kombu calls this ahead of any handler where a body can't be decompressed."""
        message.errors, exc.__traceback__ = [exc], None  # which hold each other, and the message
        self.gatherer.expect(message)
        self.park(message, ParkReason.NOT_JSON, field="body", detail=str(exc))

    def on_unknown_task(self, body: Any, message: BrokerMessage, exc: Exception) -> None:
        self.park(message, ParkReason.UNKNOWN_TASK, field="task", detail=f"no task of the name {exc}")

    def on_invalid_task(self, body: Any, message: BrokerMessage, exc: Exception) -> None:
        self.park(message, ParkReason.NOT_A_TASK, detail=str(exc))

    def on_close(self) -> None:
        super().on_close()
        self._early.clear()
        self.gatherer.forget()


def _field_of(error: Exception) -> str:
    """The field that Celery missed or choked on, where its error says so."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
