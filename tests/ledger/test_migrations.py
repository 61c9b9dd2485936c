"""Migrations: each can be applied while workers of the release before it post (docs/operations.md, "Migrations")."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.db.migrations import (
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameField,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from ledger.online import AddCheckOnline, AddIndexOnline, ValidateCheck

# The tables that every batch writes. What locks one of them stops the ledger; the others are small, and rarely written.
BUSY = {"account", "transaction", "lot", "hold", "outboxrow"}
HARMLESS = (CreateModel, AlterModelOptions, AddIndexOnline, AddCheckOnline, ValidateCheck)
# Those that would be refused today, each with the reason why it may stay.
BEFORE_ANY_RELEASE = "was never applied to books that a release of the service had written"
ALLOWED = {
    "0002_guards": BEFORE_ANY_RELEASE,
    "0003_moving_in": BEFORE_ANY_RELEASE,
    "0006_frozen": BEFORE_ANY_RELEASE,
    "0008_producer": "adds a column with a db_default, and a trigger that guards this column alone",
    "0011_outbox_batches": BEFORE_ANY_RELEASE,
    "0010_needless_index": "takes away an index for which the one before it has put a better one in its place",
}


def refused(operation: Operation) -> str | None:
    """Why an operation may not be part of a migration, or None."""
    if isinstance(operation, HARMLESS):
        return None
    if isinstance(operation, AddField):
        return _refused_field(operation.field)
    if isinstance(operation, AddIndex):
        busy = operation.model_name_lower in BUSY
        return "use ledger.online.AddIndexOnline: writers wait while it is built" if busy else None
    if isinstance(operation, AlterField):
        return "the release before it reads and writes the column as it was: add another, and move over"
    return "the release before it may need what this takes away or changes, or writers wait for it"


def _refused_field(field: Any) -> str | None:
    if field.unique or (field.db_index and not field.is_relation):
        return "adds an index at once: writers wait while it is built"
    if not field.null and field.db_default is models.NOT_PROVIDED:
        return "the release before it inserts without this column: it must be null or have a db_default"
    return None


def unsafe(name: str, operations: list[Operation]) -> Iterator[str]:
    """What is refused of a migration. Nobody uses the tables that it makes itself yet."""
    made = {operation.name_lower for operation in operations if isinstance(operation, CreateModel)}
    for operation in operations:
        of_its_own = getattr(operation, "model_name", "").lower() in made
        if not of_its_own and (reason := refused(operation)):
            yield f"{name}: {operation.describe()}: {reason}"


def ledger_migrations() -> dict[str, list[Operation]]:
    loader = MigrationLoader(None)
    return {
        name: list(migration.operations) for (app, name), migration in loader.disk_migrations.items() if app == "ledger"
    }


def test_no_migration_stops_the_ledger_or_breaks_the_release_before_it() -> None:
    found = [
        line
        for name, operations in ledger_migrations().items()
        if name not in ALLOWED
        for line in unsafe(name, operations)
    ]

    assert found == []


def test_what_is_allowed_is_there_and_needs_to_be_allowed() -> None:
    migrations = ledger_migrations()

    assert [name for name in ALLOWED if not list(unsafe(name, migrations[name]))] == []


TEXT = models.CharField(max_length=8)
DANGEROUS = [
    RemoveField("account", "balance"),
    RenameField("account", "balance", "credits"),
    DeleteModel("Hold"),
    AlterModelTable("account", "accounts"),
    AlterField("transaction", "description", models.TextField()),
    AddField("account", "region", TEXT),
    AddField("account", "region", models.CharField(max_length=8, default="eu")),
    AddField("account", "region", models.CharField(max_length=8, null=True, unique=True)),
    AddIndex("transaction", models.Index(fields=["kind"], name="kinds")),
]
SAFE = [
    AddField("account", "region", models.CharField(max_length=8, null=True)),
    AddField("account", "region", models.CharField(max_length=8, db_default="")),
    AddIndex("parkedmessage", models.Index(fields=["name"], name="names")),
    AddIndexOnline("transaction", models.Index(fields=["kind"], name="kinds")),
    AddCheckOnline("account", models.CheckConstraint(condition=Q(balance__gte=0), name="again")),
    ValidateCheck("account", "again"),
    CreateModel("Note", [("id", models.BigAutoField(primary_key=True))]),
]


@pytest.mark.parametrize("operation", DANGEROUS, ids=lambda operation: operation.describe())
def test_what_old_workers_could_not_live_with_is_refused(operation: Operation) -> None:
    assert refused(operation)


@pytest.mark.parametrize("operation", SAFE, ids=lambda operation: operation.describe())
def test_what_old_workers_do_not_notice_is_accepted(operation: Operation) -> None:
    assert refused(operation) is None
