"""Inserting: many rows by one statement, given as one JSON parameter."""

from ledger.dialect import Columns, current, select


def insert(table: str, columns: Columns, *, on_conflict: str = "") -> str:
    """A statement that inserts a recordset; on_conflict is what follows ON CONFLICT, if a conflict is no error."""
    names = ", ".join(columns)
    statement = f"INSERT INTO {table} ({names}) SELECT {select(columns)} FROM {current().source(columns)}"
    # WHERE true: without it SQLite reads ON CONFLICT as a join's condition.
    return f"{statement} WHERE true ON CONFLICT {on_conflict}" if on_conflict else statement
