"""`manage.py prune`: delete what is settled and old, in batches; nothing that waits for anybody is ever deleted."""

import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.backends.database import DatabaseBackend
from django.core.management.base import CommandParser
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, func, select

from creditsvc.celery import app
from ledger.journal.outbox_upkeep import prune_published, published_before
from ledger.journal.parking import prune_resolved, resolved_before
from ledger.journal.sweep import outlived_before, park_outlived
from ledger.management.terminal import TerminalCommand

BATCH = 500
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_iso: TypeAdapter[timedelta] = TypeAdapter(timedelta)


class Command(TerminalCommand):
    """manage.py prune outbox|results|parked|waiting --older-than 30d [--dry-run]"""

    help = (
        "outbox: deletes rows that were published before then. results: deletes outcomes that the database backend has "
        "kept since before then; on Redis they expire by themselves. parked: deletes messages that were replayed or "
        "dismissed before then. waiting: deletes nothing; what should have been parked before then is parked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=[*PRUNED, "results"])
        parser.add_argument(
            "--older-than", type=duration, required=True, metavar="30d", help="30d, 12h, 45m, 90s, or ISO 8601 as P30D"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *, what: str, older_than: timedelta, dry_run: bool, **options: Any) -> None:
        moment = datetime.now(UTC) - older_than
        if what == "results":
            self.stdout.write(_results(moment, deleting=not dry_run))
            return
        counted, prune, done = PRUNED[what]
        if dry_run:
            self.stdout.write(f"{counted(moment)} would be {done}")
            return
        self.stdout.write(f"{_in_batches(prune, moment)} {done}")


def _in_batches(prune: Callable[..., int], moment: datetime) -> int:
    """Prune until nothing is left, a batch to a database transaction: workers wait for none of them for long."""
    pruned = 0
    while batch := prune(older_than=moment, limit=BATCH):
        pruned += batch
    return pruned


def _results(moment: datetime, *, deleting: bool) -> str:
    backend = app.backend
    if not isinstance(backend, DatabaseBackend):
        return "results are kept in no database: they expire by themselves, or nobody keeps any"
    found = 0
    session = backend.ResultSession()
    with session, session.begin():
        for table in (backend.task_cls, backend.taskset_cls):
            old = table.date_done < moment.replace(tzinfo=None)
            found += session.scalar(select(func.count()).select_from(table).where(old)) or 0
            if deleting:
                session.execute(delete(table).where(old))
    return f"{found} {'deleted' if deleting else 'would be deleted'}"


def duration(text: str) -> timedelta:
    """A duration greater than 0. Raises ArgumentTypeError, which argparse reports with the argument's name."""
    if match := re.fullmatch(r"(\d{1,6})([smhd])", text):
        length = timedelta(**{UNITS[match[2]]: int(match[1])})
    else:
        try:
            length = _iso.validate_python(text) if text.startswith("P") else timedelta()
        except ValidationError:
            length = timedelta()
    if length <= timedelta():
        raise ArgumentTypeError(f"{text!r} is no duration such as 30d, 12h or P30D")
    return length


# What there is before a moment, what prunes it, and what that is called.
PRUNED: dict[str, tuple[Callable[[datetime], int], Callable[..., int], str]] = {
    "outbox": (published_before, prune_published, "deleted"),
    "parked": (resolved_before, prune_resolved, "deleted"),
    "waiting": (outlived_before, park_outlived, "parked"),
}
