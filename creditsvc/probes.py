"""What the API may know of the broker: whether it is there, and how much its queues hold. Named in settings."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Generic, TypeVar

from kombu.connection import Connection
from kombu.exceptions import KombuError

from creditsvc.celery import app
from tasks.topology import all_queues

T = TypeVar("T")

CONNECT_SECONDS = 1
ANSWER_SECONDS = 1.8


class Bounded(Generic[T]):
    """A question whose answer is waited for no longer than some seconds, and which is never asked twice at once.

    A broker behind a dead network, or a name server that does not answer, can hold a connection attempt for minutes,
    whatever its own time-out says. Who asks meanwhile waits for the attempt under way instead of starting another.
    """

    def __init__(self, question: Callable[[], T], *, seconds: float = ANSWER_SECONDS) -> None:
        self._question = question
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=question.__name__)
        self._lock = Lock()
        self._asked: Future[T] | None = None

    def answer(self) -> T | None:
        """The answer, or None where there is none in time."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._threads.submit(self._question)
            asked = self._asked
        try:
            return asked.result(timeout=self._seconds)
        except TimeoutError:
            return None


def broker_is_there() -> bool:
    """Whether the broker takes a connection; answers within two seconds."""
    return _connects.answer() is True


def queue_depths() -> Mapping[str, int] | None:
    """Messages ready in each of our queues; None where the broker is away; answers within two seconds.

    A queue that the broker does not have is left out; on Redis that is every queue that is empty.
    """
    return _counts.answer()


def _connect() -> bool:
    with _connection() as connection:
        try:
            _open(connection)
        except (KombuError, OSError, *connection.connection_errors, *connection.channel_errors):
            return False
    return True


def _count() -> dict[str, int] | None:
    with _connection() as connection:
        try:
            _open(connection)
            depths = {queue.name: _depth(connection, queue.name) for queue in all_queues(app)}
        except (KombuError, OSError, *connection.connection_errors):
            return None
    return {name: depth for name, depth in depths.items() if depth is not None}


def _connection() -> Connection:
    options: dict[str, Any] = {}
    if app.conf.broker_url.startswith("redis"):
        options = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
    connection: Connection = app.connection_for_write(connect_timeout=CONNECT_SECONDS, transport_options=options)
    return connection


def _open(connection: Connection) -> None:
    # Each broker of the list once. connect() would try again after two seconds.
    connection.ensure_connection(max_retries=max(len(connection.alt) - 1, 0), reraise_as_library_errors=False)


def _depth(connection: Connection, queue: str) -> int | None:
    # A channel each: the refusal of a queue that is not there closes it.
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except connection.channel_errors:
            return None


_connects = Bounded(_connect)
_counts = Bounded(_count)
