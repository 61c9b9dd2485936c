"""The pace: messages published at even intervals, when each left, and when what came of it was there."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import amqp
import psycopg2
from kombu import Connection, Consumer, Queue

from bench.row import Wrong
from tests.confirms import Unconfirmed

Moments = Mapping[str, float]  # seconds since 1970, by reference; the database's clock is this machine's too
LISTEN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Lags:
    """How long each took, in seconds, the shortest first."""

    ranked: Sequence[float]

    def percentile(self, percent: float) -> float:
        """What so many percent of all did not exceed, the longest of all for 100."""
        return self.ranked[min(len(self.ranked) - 1, int(len(self.ranked) * percent / 100))]


def publish(
    broker_url: str, messages: Iterable[tuple[str, amqp.Message]], *, exchange: str, routing_key: str, per_second: float
) -> Moments:
    """Publish at that pace, whatever becomes of the messages; when each was about to leave, by its reference."""
    left = {}
    with Connection(broker_url) as connection:
        channel = connection.default_channel
        unconfirmed = Unconfirmed(connection)
        began = time.monotonic()
        for number, (reference, message) in enumerate(messages):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            left[reference] = time.time()
            channel.basic_publish(message, exchange=exchange, routing_key=routing_key, mandatory=True)
            unconfirmed.add()
        unconfirmed.drain()
    return left


class Listener(Thread):
    """Takes the events of a queue as they come, and notes when, by the reference that each is about."""

    def __init__(self, broker_url: str, queue: Queue) -> None:
        super().__init__(name="listener", daemon=True)
        self._broker_url = broker_url
        self._queue = queue
        self._stop_asked = Event()
        self.received: dict[str, float] = {}

    def run(self) -> None:
        with Connection(self._broker_url) as connection:
            consumer = Consumer(connection.default_channel, [self._queue], on_message=self._note, no_ack=True)
            with consumer:
                while not self._stop_asked.is_set():
                    try:
                        connection.drain_events(timeout=LISTEN_SECONDS)
                    except TimeoutError:
                        continue

    def stop(self) -> None:
        """Listen no more."""
        self._stop_asked.set()
        self.join()

    def _note(self, message: Any) -> None:
        now = time.time()
        self.received[json.loads(message.body)["data"]["reference_id"]] = now


def committed(database_url: str, table: str) -> Moments:
    """When each row of a table was committed, by its reference, as PostgreSQL notes it (track_commit_timestamp)."""
    sql = f"SELECT reference_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM {table}"
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return dict(cursor.fetchall())


def lags(left: Moments, arrived: Moments) -> Lags:
    """How long each took from leaving to arriving. Raises Wrong where one has not arrived."""
    if missing := left.keys() - arrived.keys():
        raise Wrong(f"{len(missing)} of {len(left)} have not arrived")
    return Lags(sorted(arrived[reference] - moment for reference, moment in left.items()))
