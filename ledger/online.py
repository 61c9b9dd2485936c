"""Operations for migrations that run while workers post: none of them holds a table for longer than a moment.

On PostgreSQL an index is built beside the writers, and a check is added for new rows first and then proved for the old
ones. Each belongs into a migration with atomic = False. SQLite has one writer and does it as it comes.
"""

from typing import Any, ClassVar

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db.migrations import AddConstraint, AddIndex, RemoveIndex
from django.db.migrations.operations.base import Operation


class _Online(Operation):
    """PostgreSQL's operation on PostgreSQL, the plain one elsewhere."""

    plain: ClassVar[type[Operation]]

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            self.plain.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            self.plain.database_backwards(self, app_label, schema_editor, from_state, to_state)


class AddIndexOnline(_Online, AddIndexConcurrently):
    """CREATE INDEX CONCURRENTLY. Where it fails it leaves an invalid index: drop that, and migrate again."""

    plain = AddIndex


class RemoveIndexOnline(_Online, RemoveIndexConcurrently):
    """DROP INDEX CONCURRENTLY, of an index that no release that still runs needs. Where it fails, migrate again."""

    plain = RemoveIndex


class AddCheckOnline(_Online, AddConstraintNotValid):
    """ADD CONSTRAINT … NOT VALID: holds for what is written from now on; ValidateCheck then reads the old rows."""

    plain = AddConstraint


class ValidateCheck(ValidateConstraint):
    """VALIDATE CONSTRAINT: proves a check for the old rows, beside readers and writers."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
