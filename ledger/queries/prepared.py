"""Reads that PostgreSQL plans once a connection: planning a look-up of one row takes longer than the look-up."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError, connection
from psycopg2 import errors

from ledger.queries.statement import rows_of

# Which statements each open connection of this process holds, by their names; None for one that does not keep them.
_held: WeakKeyDictionary[Any, set[str] | None] = WeakKeyDictionary()
# The connection does not hold the statement, or holds it from somebody else, or its tables have changed since.
_UNUSABLE = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.FeatureNotSupported)


def rows_prepared(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement, as rows_of gives them. To be called with few different statements: each is kept.

    A pooler that gives every transaction another connection (PgBouncer) does not keep what was prepared. From then on
    this connection's statements run unprepared.
    """
    if connection.vendor != "postgresql" or (held := _held_here()) is None:
        return rows_of(sql, parameters)
    try:
        return rows_of(_execute(sql, len(parameters), held), parameters)
    except DatabaseError as error:
        if connection.in_atomic_block or not isinstance(error.__cause__, _UNUSABLE):
            raise
        _held[connection.connection] = None
        return rows_of(sql, parameters)


def _held_here() -> set[str] | None:
    connection.ensure_connection()
    return _held.setdefault(connection.connection, set())


def _execute(sql: str, count: int, held: set[str]) -> str:
    """What runs the statement, prepared by now."""
    name, prepare, execute = _spelled(sql, count)
    if name not in held:
        with connection.cursor() as cursor:
            cursor.execute(prepare)
        held.add(name)
    return execute


@cache
def _spelled(sql: str, count: int) -> tuple[str, str, str]:
    """A name that no other statement has, what prepares it, and what executes it."""
    name = f"read_{sha256(sql.encode()).hexdigest()[:16]}"
    places = tuple(f"${place}" for place in range(1, count + 1))
    return name, f"PREPARE {name} AS {sql % places}", f"EXECUTE {name}({', '.join(['%s'] * count)})"
