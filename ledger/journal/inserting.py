"""Writing sets: many rows by one statement, whatever their number."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from django.db import connection

from ledger.dialect import Columns, current, recordset, select


def insert(table: str, columns: Columns, *, on_conflict: str = "") -> str:
    """A statement that inserts a recordset; on_conflict is what follows ON CONFLICT, if a conflict is no error."""
    statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {select(columns)} FROM {current().source(columns)}"
    # WHERE true: without it SQLite reads ON CONFLICT as a join's condition.
    return f"{statement} WHERE true ON CONFLICT {on_conflict}" if on_conflict else statement


def insert_rows(table: str, columns: Columns, rows: Sequence[Sequence[Any]], *, on_conflict: str = "") -> None:
    """Insert rows, each a value for every column; on_conflict as insert has it."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(insert(table, columns, on_conflict=on_conflict), recordset(columns, rows))


def update_rows(table: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> None:
    """Set every column of rows that are found by the one named id."""
    if not rows:
        return
    spoken = current()
    changes = ", ".join(f"{name} = {spoken.column(name)}" for name in columns if name != "id")
    source = spoken.source(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {changes} FROM {source} WHERE {table}.id = {spoken.column('id')}",
            recordset(columns, rows),
        )


def rows_of(records: Iterable[Any], columns: Columns) -> list[tuple[Any, ...]]:
    """Records as rows: of each, the attributes that are named as the columns are."""
    return [*map(attrgetter(*columns), records)]


def rows_of_mappings(records: Iterable[Mapping[str, Any]], columns: Columns) -> list[tuple[Any, ...]]:
    """Records as rows: of each, the values of the keys that are named as the columns are."""
    return [*map(itemgetter(*columns), records)]
