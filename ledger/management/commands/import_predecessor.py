"""`manage.py import_predecessor`: move the predecessor's accounts and transactions into the books."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import psycopg2
from django.core.management.base import CommandError, CommandParser

from ledger.management.terminal import TerminalCommand
from ledger.policy import current_policy
from ledger.predecessor.columns import ACCOUNTS, TRANSACTIONS
from ledger.predecessor.move import Progress, move
from ledger.predecessor.rows import REFUSALS, Note
from ledger.predecessor.source import copy_tables, read_table
from ledger.predecessor.staging import Staging

EVERY_S = 2.0


class Command(TerminalCommand):
    """manage.py import_predecessor (--accounts CSV --transactions CSV | --database URL) [--report FILE]"""

    help = (
        "Moves in the predecessor's credit_accounts and credit_transactions, whole accounts at a time. Killed and "
        "started again, it goes on with the accounts that are missing. Accounts whose rows do not add up get their "
        "balances recomputed, with a row of ours before and after where needed; every such row is reported, as a line "
        "of JSON. Tells no events. Exits 1 where an account or a row was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accounts", type=Path, metavar="CSV", help="credit_accounts, as COPY … WITH (FORMAT csv, HEADER) wrote it"
        )
        parser.add_argument("--transactions", type=Path, metavar="CSV", help="credit_transactions, likewise")
        parser.add_argument("--database", metavar="URL", help="or the predecessor's PostgreSQL database")
        parser.add_argument("--report", type=Path, metavar="FILE", help="append the report to it, not to the output")

    def handle(
        self,
        *,
        accounts: Path | None,
        transactions: Path | None,
        database: str | None,
        report: Path | None,
        **options: Any,
    ) -> None:
        if (database is None) == (accounts is None) or (accounts is None) != (transactions is None):
            raise CommandError("give either --accounts and --transactions, or --database")
        with TemporaryDirectory() as name, _written(report) as written:
            folder = Path(name)
            try:
                files = _files(database, accounts, transactions, folder)
                with closing(Staging(folder / "staging.sqlite3")) as staging:
                    progress = self._move(staging, files, written)
            except (ValueError, OSError, psycopg2.Error) as error:
                raise CommandError(str(error).strip()) from error
        self._say(progress)
        if progress.refused:
            raise SystemExit(1)

    def _move(self, staging: Staging, files: dict[str, Path], written: TextIO) -> Progress:
        for table, file in files.items():
            for count in _now_and_then(staging.take(table, read_table(table, file))):
                self._tell(f"read {count:,} rows of {table}")
        staging.arrange()
        rows, started = staging.count(TRANSACTIONS), time.monotonic()
        self._tell(f"read {staging.count(ACCOUNTS):,} accounts and {rows:,} transactions")
        progress = Progress()
        for progress in _now_and_then(move(staging, policy=current_policy(), tell=_teller(written))):
            speed = progress.rows / max(time.monotonic() - started, 0.001)
            self._tell(f"moved in {progress.accounts:,} accounts, {progress.rows:,} of {rows:,} rows, {speed:,.0f}/s")
        return progress

    def _say(self, progress: Progress) -> None:
        self._tell(
            f"{progress.accounts:,} accounts and {progress.rows:,} rows moved in, {progress.there:,} accounts were "
            f"there before, {progress.refused:,} refused"
        )

    def _tell(self, line: str) -> None:
        self.stderr.write(line, self.style.NOTICE)


def _files(database: str | None, accounts: Path | None, transactions: Path | None, folder: Path) -> dict[str, Path]:
    if database is not None:
        return copy_tables(database, folder)
    assert accounts is not None
    assert transactions is not None
    return {ACCOUNTS: accounts, TRANSACTIONS: transactions}


@contextmanager
def _written(report: Path | None) -> Iterator[TextIO]:
    """Where the report goes."""
    if report is None:
        yield sys.stdout
    else:
        with report.open("a", encoding="utf-8") as file:
            yield file


def _teller(written: TextIO) -> Callable[[Note], None]:
    """Writes a note as a line, at once where an account was refused."""

    def tell(note: Note) -> None:
        written.write(json.dumps(note.as_json(), ensure_ascii=False) + "\n")
        if note.reason in REFUSALS:
            written.flush()

    return tell


def _now_and_then(steps: Iterator[Any]) -> Iterator[Any]:
    """Those steps that are worth a line: one in EVERY_S seconds, and the last."""
    told, step = time.monotonic(), None
    for step in steps:
        if time.monotonic() - told >= EVERY_S:
            told = time.monotonic()
            yield step
    if step is not None:
        yield step
