"""The snapshot: one consistent view of the database for as long as an audit takes, in which nothing can be written."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.transaction import atomic


@contextmanager
def snapshot() -> Iterator[None]:
    """Read one state of the database, whatever others write meanwhile; they are not held up by it.

    Within a transaction of the caller's it is that transaction's view, as it stands.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with _deferred_on_sqlite():
            yield


@contextmanager
def _deferred_on_sqlite() -> Iterator[None]:
    """A transaction that only reads. Django's own would begin IMMEDIATE, as the journal's must, and block writers."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA query_only = OFF")
