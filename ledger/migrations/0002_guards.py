"""Triggers that refuse what the books never do, whoever asks: the last word stands in the database itself.

The error is SQLSTATE 23001 (restrict_violation) on PostgreSQL and SQLITE_CONSTRAINT_TRIGGER on SQLite: Django's
IntegrityError on both, and never trouble that is worth another try.

SQLite loses a table's triggers when a later migration has the table rebuilt (AlterField, AddConstraint …): such a
migration installs them again. On SQLite, REPLACE fires them only where PRAGMA recursive_triggers is on, as in our
settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


@dataclass(frozen=True, kw_only=True)
class Guard:
    """One trigger: what it refuses, on which table, and what it says then. Without a condition it refuses all."""

    name: str
    table: str
    refuses: str
    message: str
    condition: str = ""

    def on_postgresql(self) -> str:
        each = "STATEMENT" if self.refuses == "TRUNCATE" else "ROW"
        when = f"WHEN ({self.condition})" if self.condition else ""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.refuses} ON {self.table} FOR EACH {each} {when} "
            f"EXECUTE FUNCTION credit_refuse('{self.message}')"
        )

    def on_sqlite(self) -> str:
        when = f"WHEN {self.condition}" if self.condition else ""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.refuses} ON {self.table} FOR EACH ROW {when} "
            f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        )


# One trigger for each thing refused, so that a later migration can narrow one of them and leave the others alone.
GUARDS = [
    Guard(
        name="transaction_never_changes",
        table="credit_transactions",
        refuses="UPDATE",
        message="a transaction never changes: a correction is a new transaction",
    ),
    Guard(
        name="transaction_never_leaves",
        table="credit_transactions",
        refuses="DELETE",
        message="a transaction is never deleted: a correction is a new transaction",
    ),
    Guard(
        name="transactions_never_leave",
        table="credit_transactions",
        refuses="TRUNCATE",
        message="transactions are never deleted",
    ),
    Guard(
        name="account_never_leaves",
        table="credit_accounts",
        refuses="DELETE",
        message="an account is never deleted",
    ),
    Guard(
        name="accounts_never_leave",
        table="credit_accounts",
        refuses="TRUNCATE",
        message="accounts are never deleted",
    ),
    Guard(
        name="account_stays_its_own",
        table="credit_accounts",
        refuses="UPDATE",
        message="an account keeps its id, its merchant and the time of its opening",
        condition="NEW.id <> OLD.id OR NEW.merchant_id <> OLD.merchant_id OR NEW.created_at <> OLD.created_at",
    ),
    Guard(
        name="account_never_goes_back",
        table="credit_accounts",
        refuses="UPDATE",
        message="the totals and sequences of an account never go back",
        condition=(
            "NEW.total_granted < OLD.total_granted OR NEW.total_consumed < OLD.total_consumed "
            "OR NEW.sequence < OLD.sequence OR NEW.event_sequence < OLD.event_sequence"
        ),
    ),
]

CREATE_REFUSAL = """
    CREATE FUNCTION credit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            MESSAGE = TG_ARGV[0],
            DETAIL = format('%s of %s refused by trigger %s.', TG_OP, TG_TABLE_NAME, TG_NAME),
            ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME;
    END
    $$
"""

# An account's row is written with every batch that moves it. Room on its page for the next version of the row, and
# no index on any column that moves, let PostgreSQL leave every index alone (heap-only tuples).
LEAVE_ROOM = "ALTER TABLE credit_accounts SET (fillfactor = 60)"
LEAVE_NO_ROOM = "ALTER TABLE credit_accounts RESET (fillfactor)"


def install(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _installing(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def remove(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in _removing(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def _installing(vendor: str) -> Iterator[str]:
    if vendor == "postgresql":
        yield CREATE_REFUSAL
        yield from (guard.on_postgresql() for guard in GUARDS)
        yield LEAVE_ROOM
    else:
        yield from (guard.on_sqlite() for guard in GUARDS if guard.refuses != "TRUNCATE")


def _removing(vendor: str) -> Iterator[str]:
    if vendor == "postgresql":
        yield LEAVE_NO_ROOM
        yield from (f"DROP TRIGGER {guard.name} ON {guard.table}" for guard in GUARDS)
        yield "DROP FUNCTION credit_refuse"
    else:
        yield from (f"DROP TRIGGER {guard.name}" for guard in GUARDS if guard.refuses != "TRUNCATE")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_books")]

    operations = [migrations.RunPython(install, remove)]
