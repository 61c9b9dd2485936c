"""Writing sets: many rows by one statement, whatever their number."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from django.db import connection

from ledger.dialect import Columns, current, select


def insert(table: str, columns: Columns, *, on_conflict: str = "") -> str:
    """A statement that inserts a recordset; on_conflict is what follows ON CONFLICT, if a conflict is no error."""
    statement = _insert(table, columns, current().source(columns))
    # WHERE true: without it SQLite reads ON CONFLICT as a join's condition.
    return f"{statement} WHERE true ON CONFLICT {on_conflict}" if on_conflict else statement


def insert_rows(table: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, each a value for every column."""
    if not rows:
        return
    spoken = current()
    with connection.cursor() as cursor:
        cursor.execute(_insert(table, columns, spoken.wide_source(columns)), spoken.wide_rows(columns, rows))


def update_rows(table: str, columns: Columns, rows: Sequence[Sequence[Any]], *, before: str = "") -> None:
    """Set every column of rows that are found by the one named id; before is a statement that goes ahead of it."""
    if not rows:
        return
    spoken = current()
    changes = ", ".join(f"{name} = {spoken.column(name)}" for name in columns if name != "id")
    source = spoken.wide_source(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{before}UPDATE {table} SET {changes} FROM {source} WHERE {table}.id = {spoken.column('id')}",
            spoken.wide_rows(columns, rows),
        )


def rows_of(records: Iterable[Any], columns: Columns) -> list[tuple[Any, ...]]:
    """Records as rows: of each, the attributes that are named as the columns are."""
    return [*map(attrgetter(*columns), records)]


def _insert(table: str, columns: Columns, source: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {select(columns)} FROM {source}"
