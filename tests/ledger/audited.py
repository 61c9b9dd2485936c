"""Auditing in tests: the command as staff run it, and corruption by force, past every guard of the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.db.models import Model

from ledger.journal.rebuilding import compare
from ledger.models import Account
from ledger.rules.chain import START, row_digest
from tests.ledger.raw_sql import execute

ALWAYS = ("--alerts-since", "2000-01-01T00:00:00+00:00")  # in most tests the alert settings never change
BOOKS = ("credit_accounts", "credit_transactions", "credit_outbox", "credit_lots", "credit_holds")


def audit(*options: str) -> tuple[int, str]:
    """Run `manage.py audit`: its exit code and what it printed."""
    output = StringIO()
    try:
        call_command("audit", *options, stdout=output)
    except SystemExit as end:
        return int(end.code or 0), output.getvalue()
    return 0, output.getvalue()


def findings(*options: str) -> list[str]:
    """The lines of what an audit found; none where the books are right. The exit code says the same."""
    code, output = audit(*(options or ALWAYS))
    lines = [line.strip() for line in output.splitlines() if line.startswith("  wrong: ")]
    assert code == bool(lines), output
    return lines


def assert_found(row: Model, what: str, *, expected: object, found: object) -> None:
    """An audit exits 1, and names this row with what is wrong about it."""
    line = f"wrong: {row._meta.db_table} {row.pk}: {what}: expected {expected}, found {found}"
    lines = findings()

    assert line in lines, lines


def assert_books_are_right() -> None:
    """The audit finds nothing wrong, nor does a rebuild. After a hard test, the books are checked."""
    code, output = audit(*ALWAYS)

    assert code == 0, output
    for merchant_id in Account.objects.values_list("merchant_id", flat=True):
        rebuilt = compare(merchant_id)
        assert rebuilt.is_right, [*rebuilt.broken, *rebuilt.lost, *map(str, rebuilt.deviations)]


def corrupt(row: Model, **columns: Any) -> None:
    """Change columns of a row by force."""
    fields = {field.attname: field for field in row._meta.concrete_fields}
    changes = ", ".join(f"{name} = %s" for name in columns)
    values = [fields[name].get_db_prep_save(value, connection) for name, value in columns.items()]
    force(f"UPDATE {row._meta.db_table} SET {changes} WHERE id = %s", [*values, _key(row)])


def chain_anew() -> None:
    """Make every digest and head anew, as only somebody could who knows how: what is wrong then is something else."""
    for account in Account.objects.all():
        head = START
        for row in account.transactions.order_by("number"):
            head = row_digest(head, vars(row))
            corrupt(row, digest=head)
        corrupt(account, head=head)


def remove(row: Model) -> None:
    """Delete a row by force."""
    force(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [_key(row)])


def force(statement: str, parameters: Sequence[Any]) -> None:
    """Run one statement with neither triggers nor constraints in its way."""
    with _unguarded():
        execute(statement, parameters)


def _key(row: Model) -> Any:
    key: UUID = row.pk
    return row._meta.pk.get_db_prep_save(key, connection)


@contextmanager
def _unguarded() -> Iterator[None]:
    with _unguarded_postgresql() if connection.vendor == "postgresql" else _unguarded_sqlite():
        yield


@contextmanager
def _unguarded_postgresql() -> Iterator[None]:
    """Constraints stay dropped: the database is the test's own, or rolled back."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in BOOKS:
        checks = execute("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass", [table])
        for (name,) in checks:
            execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    execute("SET session_replication_role = replica")
    yield
    execute("SET session_replication_role = DEFAULT")


@contextmanager
def _unguarded_sqlite() -> Iterator[None]:
    triggers = execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    for name, _ in triggers:
        execute(f"DROP TRIGGER {name}")
    without_savepoint("PRAGMA foreign_keys = OFF")
    without_savepoint("PRAGMA ignore_check_constraints = ON")
    yield
    without_savepoint("PRAGMA ignore_check_constraints = OFF")
    without_savepoint("PRAGMA foreign_keys = ON")
    for _, definition in triggers:
        execute(definition)


def without_savepoint(statement: str) -> None:
    """Run one statement with no savepoint round it: some pragmas do nothing within a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
