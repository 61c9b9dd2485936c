"""What differs between PostgreSQL and SQLite when rows are read and written in sets.

Rows travel in a few parameters, however many they are: on PostgreSQL one array a column, whose length its planner
sees, on SQLite all of them as one JSON array of objects.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import connection
from pydantic_core import to_jsonable_python

from ledger.arrays import array_of, array_of_json

# A column's type in a recordset.
UUID_ = "uuid"
INTEGER = "bigint"
TEXT = "text"
BOOLEAN = "boolean"
MOMENT = "timestamptz"
JSON = "jsonb"

Columns = Mapping[str, str]

KEY: Columns = {"id": UUID_}

_RETRY = (
    "CASE WHEN {row}.status = 'declined' THEN (SELECT retry.id FROM credit_transactions retry "
    "WHERE retry.reference_type = 'retry' AND retry.reference_id = {id}) END"
)


class Dialect(Protocol):
    """How one engine spells what the journal says."""

    lock: str
    lock_free_ones: str
    # Ahead of a statement, in one text with it, whose effect may be lost with the server: nobody waits for its disk.
    # Outside a transaction that text is one to PostgreSQL, as long as the driver sends it as it is (psycopg2 does).
    unhurried: str
    now: str  # the database's time, not its transaction's start
    reads: Mapping[str, Callable[[Any], Any]]  # by type of column, what makes Python's value of the driver's

    def source(self, columns: Columns) -> str:
        """The FROM item, aliased r, that turns a recordset's parameters into rows."""

    def column(self, name: str) -> str:
        """A column of that item."""

    def each_found(self, table: str, keys: Columns) -> str:
        """The FROM item that finds, for each of a recordset of unique keys, the table's row that has it, aliased t."""

    def first_of_each(self, columns: Columns, table: str, *, key: str, where: str, order: str, limit: int) -> str:
        """SELECT of a table's columns: of each key in a recordset of ids, the first rows in that order."""

    def recordset(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> list[str]:
        """Rows, each a value for every column in their order, as the parameters of source."""

    def encode(self, value: Any) -> Any:
        """A value as a parameter of its own."""

    def uuid(self, value: Any) -> UUID: ...

    def moment(self, value: Any) -> datetime: ...

    def retried_by(self, row: str) -> str:
        """The id of the retry of a declined transaction, under its alias; NULL where there is none."""

    def has_passed(self, column: str) -> str:
        """The condition that a column's moment is there and over by the database's time."""

    def clock(self) -> datetime:
        """The database's time now, not its transaction's start."""


class PostgreSQL:
    """Row locks, and the database's own clock."""

    lock = "FOR NO KEY UPDATE"
    lock_free_ones = "FOR UPDATE SKIP LOCKED"
    unhurried = "SET LOCAL synchronous_commit TO off; "
    now = "clock_timestamp()"
    reads: Mapping[str, Callable[[Any], Any]] = {}

    def source(self, columns: Columns) -> str:
        # Of json_to_recordset the planner expects a hundred rows, and reads a small table whole for the sake of one.
        arrays = ", ".join(f"%s::{type_}[]" for type_ in columns.values())
        return f"unnest({arrays}) AS r({', '.join(columns)})"

    def column(self, name: str) -> str:
        return f"r.{name}"

    def each_found(self, table: str, keys: Columns) -> str:
        # A look-up for each, which LIMIT ensures: for a large batch the planner would rather read a table of up to
        # some 60,000 rows whole, which takes ten times as long.
        same = " AND ".join(f"{table}.{name} = r.{name}" for name in keys)
        return f"{self.source(keys)} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {same} LIMIT 1) AS t"

    def first_of_each(self, columns: Columns, table: str, *, key: str, where: str, order: str, limit: int) -> str:
        # Reads no more rows than it gives, where an index has that order.
        rows = f"SELECT * FROM {table} WHERE {key} = r.id AND {where} ORDER BY {order} LIMIT {limit}"
        return f"SELECT {_of('first', columns)} FROM {self.source(KEY)} CROSS JOIN LATERAL ({rows}) AS first"

    def recordset(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> list[str]:
        by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
        return [
            array_of_json(values) if type_ == JSON else array_of(values)
            for type_, values in zip(columns.values(), by_column, strict=True)
        ]

    def encode(self, value: Any) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    def uuid(self, value: UUID) -> UUID:
        return value

    def moment(self, value: datetime) -> datetime:
        return value

    def retried_by(self, row: str) -> str:
        return _RETRY.format(row=row, id=f"{row}.id::text")

    def has_passed(self, column: str) -> str:
        return f"({column} IS NOT NULL AND {column} <= {self.now})"

    def clock(self) -> datetime:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.now}")
            now: datetime = cursor.fetchone()[0]
        return now


class SQLite:
    """One writer at a time (BEGIN IMMEDIATE), so no row needs a lock and the process's clock will do."""

    lock = ""
    lock_free_ones = ""
    unhurried = ""
    now = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"

    def __init__(self) -> None:
        self.reads: Mapping[str, Callable[[Any], Any]] = {UUID_: self.uuid, MOMENT: self.moment, BOOLEAN: bool}

    def source(self, columns: Columns) -> str:
        return "json_each(%s) AS r"

    def column(self, name: str) -> str:
        return f"json_extract(r.value, '$.{name}')"

    def each_found(self, table: str, keys: Columns) -> str:
        same = " AND ".join(f"t.{name} = {self.column(name)}" for name in keys)
        return f"{self.source(keys)} JOIN {table} t ON {same}"

    def first_of_each(self, columns: Columns, table: str, *, key: str, where: str, order: str, limit: int) -> str:
        keys = f"SELECT {self.column('id')} FROM {self.source(KEY)}"
        place = f"row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS place"
        rows = f"SELECT *, {place} FROM {table} WHERE {key} IN ({keys}) AND {where}"
        return f"SELECT {_of('first', columns)} FROM ({rows}) AS first WHERE place <= {limit}"

    def recordset(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> list[str]:
        named = [_named(columns, row) for row in rows]
        return [json.dumps(named, default=self.encode, separators=(",", ":"))]

    def encode(self, value: Any) -> str:
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            return str(value.astimezone(UTC).replace(tzinfo=None))
        return str(value)

    def uuid(self, value: str) -> UUID:
        return UUID(value)

    def moment(self, value: datetime) -> datetime:
        return value.replace(tzinfo=UTC)

    def retried_by(self, row: str) -> str:
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))  # its digits, written with dashes
        return _RETRY.format(row=row, id=" || '-' || ".join(f"substr({row}.id, {at}, {n})" for at, n in parts))

    def has_passed(self, column: str) -> str:
        return f"({column} IS NOT NULL AND {column} <= {self.now})"

    def clock(self) -> datetime:
        return datetime.now(UTC)


def _of(alias: str, columns: Columns) -> str:
    return ", ".join(f"{alias}.{name}" for name in columns)


def _named(columns: Columns, row: Sequence[Any]) -> dict[str, Any]:
    """A row's values by their names; what is to be JSON in plain values, its ids with dashes as anywhere in JSON."""
    return {
        name: to_jsonable_python(value) if type_ == JSON else value
        for (name, type_), value in zip(columns.items(), row, strict=True)
    }


_DIALECTS: dict[str, Dialect] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def current() -> Dialect:
    """The dialect of the database that Django is connected to."""
    return _DIALECTS[connection.vendor]


def recordset(columns: Columns, rows: Iterable[Sequence[Any]]) -> list[str]:
    """Rows, each a value for every column in their order, as the parameters of Dialect.source.

    zip(ids) are rows of ids alone.
    """
    return current().recordset(columns, list(rows))


def select(columns: Columns) -> str:
    """`column, column, …` of a recordset, in the order of its columns."""
    dialect = current()
    return ", ".join(dialect.column(name) for name in columns)
