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
    """One trigger: what it refuses, on which table, and what it says then. Without a condition it refuses all.

    {differs} in a condition stands for "is another value than", NULL counted as a value.
    """

    name: str
    table: str
    refuses: str
    message: str
    condition: str = ""
    def on_postgresql(self) -> str:
        each = "STATEMENT" if self.refuses == "TRUNCATE" else "ROW"
        when = f"WHEN ({self.condition.format(differs='IS DISTINCT FROM')})" if self.condition else ""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.refuses} ON {self.table} FOR EACH {each} {when} "
            f"EXECUTE FUNCTION credit_refuse('{self.message}')"
        )

    def on_sqlite(self) -> str:
        when = f"WHEN {self.condition.format(differs='IS NOT')}" if self.condition else ""
        return (
            f"CREATE TRIGGER {self.name} BEFORE {self.refuses} ON {self.table} FOR EACH ROW {when} "
            f"BEGIN SELECT RAISE(ABORT, '{self.message}'); END"
        )


KEPT = (
    "id", "account_id", "merchant_id", "number", "sequence", "status", "kind", "operation", "amount", "stated_amount",
    "balance_before", "balance_after", "total_granted", "total_consumed", "total_expired", "reference_type",
    "reference_id", "target_id", "allocations", "terms", "reason", "actor", "correlation_id", "created_at",
    "content_digest", "digest",
)  # fmt: skip
LOT_KEPT = (
    "id", "account_id", "reference_type", "reference_id", "category", "priority", "effective_at", "expires_at",
    "amount", "correlation_id",
)  # fmt: skip
ADJUSTMENT_KEPT = ("id", "account_id", "change", "category", "expires_at", "reason", "asked_by", "asked_at")
HOLD_KEPT = ("id", "account_id", "reference_type", "reference_id", "amount", "took", "expires_at", "correlation_id")


def changed(*columns: str) -> str:
    """The condition that any of these columns changes."""
    return " OR ".join(f"NEW.{column} {{differs}} OLD.{column}" for column in columns)


def never_leaves(table: str, one: str, all_of_them: str) -> list["Guard"]:
    """Guards against DELETE and TRUNCATE."""
    singular, plural = one.replace(" ", "_"), all_of_them.replace(" ", "_")
    return [
        Guard(name=f"{singular}_never_leaves", table=table, refuses="DELETE", message=f"{one}: never deleted"),
        Guard(name=f"{plural}_never_leave", table=table, refuses="TRUNCATE", message=f"{all_of_them}: never deleted"),
    ]


# One trigger for each thing refused, so that a later migration can narrow one of them and leave the others alone.
GUARDS = [
    Guard(
        name="transaction_never_changes",
        table="credit_transactions",
        refuses="UPDATE",
        message="a transaction never changes, but by redaction: a correction is a new transaction",
        condition=(
            f"{changed(*KEPT)} OR NEW.description <> '' OR NEW.salt <> '' OR CAST(NEW.metadata AS text) <> '{{{{}}}}'"
        ),
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
        message="the sequences of an account, and what expired of it, never go back",
        condition=(
            "NEW.sequence < OLD.sequence OR NEW.event_sequence < OLD.event_sequence OR NEW.rows < OLD.rows "
            "OR NEW.total_expired < OLD.total_expired"
        ),
    ),
    Guard(
        name="lot_stays_its_own",
        table="credit_lots",
        refuses="UPDATE",
        message="a lot keeps its account, its reference, its amount and its terms",
        condition=changed(*LOT_KEPT),
    ),
    Guard(
        name="hold_stays_its_own",
        table="credit_holds",
        refuses="UPDATE",
        message="a hold keeps its account, its reference, its amount and its time",
        condition=changed(*HOLD_KEPT),
    ),
    Guard(
        name="hold_is_resolved_once",
        table="credit_holds",
        refuses="UPDATE",
        message="a hold is resolved once",
        condition="OLD.status <> 'open'",
    ),
    Guard(
        name="account_change_never_changes",
        table="credit_account_changes",
        refuses="UPDATE",
        message="what was changed, by whom and why, never changes",
    ),
    *never_leaves("credit_lots", "lot", "lots"),
    *never_leaves("credit_holds", "hold", "holds"),
    *never_leaves("credit_account_changes", "account change", "account changes"),
    Guard(
        name="redaction_never_changes",
        table="credit_redactions",
        refuses="UPDATE",
        message="what was redacted, by whom and why, never changes",
    ),
    *never_leaves("credit_redactions", "redaction", "redactions"),
    Guard(
        name="adjustment_stays_its_own",
        table="credit_adjustments",
        refuses="UPDATE",
        message="an adjustment stays what was asked for, by whom and why",
        condition=changed(*ADJUSTMENT_KEPT),
    ),
    Guard(
        name="adjustment_is_decided_once",
        table="credit_adjustments",
        refuses="UPDATE",
        message="an adjustment is decided once",
        condition="OLD.state <> 'asked'",
    ),
    *never_leaves("credit_adjustments", "adjustment", "adjustments"),
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

# An account's row is written with every batch that moves it, and so are the lots that it takes from. Room on their
# pages for the next version of every row, and no index on any column that moves with each (next_due_at and is_open move
# rarely), let PostgreSQL leave every index alone (heap-only tuples).
WITH_ROOM = ("credit_accounts", "credit_lots")


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
        yield from (f"ALTER TABLE {table} SET (fillfactor = 45)" for table in WITH_ROOM)
    else:
        yield from (guard.on_sqlite() for guard in GUARDS if guard.refuses != "TRUNCATE")


def _removing(vendor: str) -> Iterator[str]:
    if vendor == "postgresql":
        yield from (f"ALTER TABLE {table} RESET (fillfactor)" for table in WITH_ROOM)
        yield from (f"DROP TRIGGER {guard.name} ON {guard.table}" for guard in GUARDS)
        yield "DROP FUNCTION credit_refuse"
    else:
        yield from (f"DROP TRIGGER {guard.name}" for guard in GUARDS if guard.refuses != "TRUNCATE")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_books")]

    operations = [migrations.RunPython(install, remove)]
