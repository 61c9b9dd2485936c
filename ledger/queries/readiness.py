"""Whether the database is there and holds the tables that this code was written for."""

from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ledger.queries.connection import asked_again_if_lost


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


@asked_again_if_lost
def migrations_are_applied() -> bool:
    """Whether every app's newest migration has been applied. Raises django.db's errors where the database is away."""
    return _newest_migrations() <= MigrationRecorder(connection).applied_migrations().keys()
