"""The embedded broker, SQLite, read and written by every process: its transport, and its chores."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from kombu.transport import sqlalchemy
from kombu.transport.sqlalchemy import Channel as SQLAlchemyChannel
from kombu.transport.sqlalchemy import Transport as SQLAlchemyTransport
from kombu.utils.json import dumps
from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.envelopes import envelope_of, sound
from tasks.topology import QUEUE

# By which its channel reads a row that it marks as taken, whatever comes of that; and writes what it puts back.
sqlalchemy.loads, sqlalchemy.dumps = envelope_of, dumps

# Published events that nobody has fetched: so many of the newest are kept, for whoever looks late.
UNFETCHED_KEPT = 10_000


class Channel(SQLAlchemyChannel):
    """kombu's, but that a message goes back to where it was taken from, whatever its sender wrote of its way there."""

    def _restore(self, message: Any) -> None:
        if queue := message.delivery_info.get(QUEUE):
            self._put(queue, {**message._raw, "redelivered": True})
        else:
            super()._restore(message)


class Transport(SQLAlchemyTransport):
    """kombu's, but that it looks for messages more often than once a second (160 tasks/s instead of 46), and hands on
    what it can't read, to be parked.
    """

    Channel = Channel
    polling_interval = 0.05

    def _deliver(self, message: Any, queue: str) -> None:
        super()._deliver(sound(message, queue), queue)


def prepare(app: Celery) -> None:
    """Have readers and the writer not wait for each other; SQLite remembers that in the file."""
    with _session(app) as session:
        session.execute(text("PRAGMA journal_mode=WAL"))


def prune(app: Celery) -> None:
    """Delete what the broker never deletes: consumed messages, and events unfetched but for the UNFETCHED_KEPT newest.

    By number, not by age: kombu stores no time with a message that nobody has taken.
    """
    with _session(app) as session:
        session.execute(text("DELETE FROM kombu_message WHERE visible = 0"))
        session.execute(
            text(
                "DELETE FROM kombu_message WHERE id IN ("
                "SELECT id FROM kombu_message WHERE queue_id = (SELECT id FROM kombu_queue WHERE name = :name) "
                "ORDER BY id DESC LIMIT -1 OFFSET :kept)"
            ),
            {"name": app.conf["embedded_events_queue"].name, "kept": UNFETCHED_KEPT},
        )


@contextmanager
def _session(app: Celery) -> Iterator[Session]:
    """Commits at the block's end; given up in any case, for an open one locks out every other process."""
    with app.connection_for_write() as connection, connection.default_channel.session as session:
        yield session
        session.commit()
