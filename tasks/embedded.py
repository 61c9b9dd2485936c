"""The embedded broker's own chores: SQLite, read and written by every process."""

from datetime import datetime

from celery import Celery
from sqlalchemy import text


def is_embedded(app: Celery) -> bool:
    """Whether the broker is the embedded one (SQLAlchemy over SQLite)."""
    return str(app.conf.broker_url).startswith("sqla+")


def prepare(app: Celery) -> None:
    """Have readers and the writer not wait for each other; SQLite remembers that in the file."""
    with app.connection_for_write() as connection:
        session = connection.default_channel.session
        session.execute(text("PRAGMA journal_mode=WAL"))
        session.commit()


def prune(app: Celery, *, older_than: datetime) -> None:
    """Delete what the broker never deletes: consumed messages, and published events unfetched since `older_than`."""
    with app.connection_for_write() as connection:
        session = connection.default_channel.session
        session.execute(text("DELETE FROM kombu_message WHERE visible = 0"))
        session.execute(
            text(
                "DELETE FROM kombu_message WHERE sent_at < :older_than AND queue_id IN "
                "(SELECT id FROM kombu_queue WHERE name = :name)"
            ),
            {"older_than": older_than.replace(tzinfo=None), "name": app.conf["embedded_events_queue"].name},
        )
        session.commit()
