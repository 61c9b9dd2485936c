"""Readiness: a worker takes no message before the database is there and has every table that the code expects."""

from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from tasks.shutdown import pause

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0


class Migrated(bootsteps.StartStopStep):
    """Holds the worker's start until migrations are applied: else every message would meet a table that isn't there."""

    requires = ("celery.worker.components:Pool", "tasks.shutdown:Signals")

    def start(self, worker: Any) -> None:
        """Wait, backing off, for as long as it takes or until the worker is told to stop."""
        seconds = FIRST_PAUSE_S
        while (reason := what_is_missing()) is not None:
            log.warning("waiting for the database", reason=reason)
            if not pause(seconds):
                state.maybe_shutdown()
            seconds = min(seconds * 2, LONGEST_PAUSE_S)


def what_is_missing() -> str | None:
    """What keeps the database from being used, or None."""
    try:
        executor = MigrationExecutor(connection)
        unapplied = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        connection.close()
        return str(error).strip()
    else:
        connection.close()
        return f"{len(unapplied)} migrations are not applied" if unapplied else None
