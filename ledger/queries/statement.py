"""Fixed statements: reads whose SQL is written out, because building it anew took two fifths of a request's time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection


def rows_of(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement, as the driver gives them. A UUID goes in as its 32 hexadecimal digits."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def uuid_of(value: UUID | str) -> UUID:
    """A UUID column's value; SQLite keeps the digits as text."""
    return value if isinstance(value, UUID) else UUID(value)


def moment_of(value: datetime) -> datetime:
    """A time column's value; SQLite keeps it in UTC without saying so."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)
