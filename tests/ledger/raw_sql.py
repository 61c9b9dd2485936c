"""Going round the Python code: statements as anybody with a database console could send them."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault
from django.db.transaction import atomic

from ledger.models import Account, Transaction

ON_POSTGRESQL = "TEST_DATABASE_URL" in os.environ
on_postgresql = pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL, and there is no TEST_DATABASE_URL")
on_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")


def execute(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run one statement, in a savepoint where a transaction is open; the rows that it returned."""
    with atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def contents() -> tuple[list[Any], list[Any]]:
    """All that stands in the two tables of the books."""
    return list(Account.objects.order_by("id").values()), list(Transaction.objects.order_by("id").values())


def insert(row: Model, *, verb: str = "INSERT") -> None:
    """Insert exactly these columns, with nothing of Django's between them and the table."""
    columns = [
        (field.column, field.get_db_prep_save(getattr(row, field.attname), connection))
        for field in row._meta.local_concrete_fields
        if not isinstance(getattr(row, field.attname), DatabaseDefault)
    ]
    names = ", ".join(name for name, _ in columns)
    marks = ", ".join("%s" for _ in columns)
    statement = f"{verb} INTO {row._meta.db_table} ({names}) VALUES ({marks})"
    execute(statement, [value for _, value in columns])


def somebody_waits_for_us() -> bool:
    """Whether another connection waits for a lock that this one holds (PostgreSQL)."""
    return execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))") != []


def waiting() -> int:
    """How many connections to this database wait for a lock (PostgreSQL)."""
    execute("SELECT pg_stat_clear_snapshot()")  # of what a transaction has looked at before
    here = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return len(execute(here))
