"""`manage.py audit`: walk the books, name every row that is wrong, exit 1 if there is one."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError
from django.db.models import Count, Q
from django.utils import timezone

from ledger.audit import CHAIN, CHECKS, Finding, Scope, Severity, snapshot
from ledger.audit.heads import Head, check_heads
from ledger.audit.heads import heads as all_heads
from ledger.audit.trial_balance import sum_of_balances, trial_balance
from ledger.management.terminal import TerminalCommand, moment
from ledger.models import Transaction
from ledger.policy import current_policy

RIGHT = "The books are right."


class Command(TerminalCommand):
    help = (
        "Walks the books in one consistent view and names every row that is wrong. Never writes. "
        "Exits 0 where all is right, 1 where anything is wrong. Events are demanded back to OUTBOX_RETENTION: "
        "after raising it, expect events to be missing for as long as it was raised by."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--merchant", type=UUID, help="audit this merchant's account only")
        parser.add_argument(
            "--alerts-since",
            type=moment,
            metavar="TIME",
            help="when LOW_BALANCE_THRESHOLD and LOW_BALANCE_ALERTS came to be what they are now (RFC 3339): from "
            "then on a missing alert is wrong; else only what holds under any settings is judged",
        )
        parser.add_argument(
            "--chain",
            action="store_true",
            help="make only the check of the hash chain, and print each account's head: merchant, rows, digest",
        )
        parser.add_argument(
            "--heads",
            type=Path,
            metavar="FILE",
            help="with --chain: heads printed earlier and kept elsewhere, through which the chain must still go",
        )

    def handle(
        self,
        *,
        merchant: UUID | None,
        alerts_since: datetime | None,
        chain: bool,
        heads: Path | None,
        **options: Any,
    ) -> None:
        if heads is not None and not chain:
            raise CommandError("--heads: needs --chain")
        kept = read_heads(heads) if heads else []
        scope = Scope(
            now=timezone.now(),
            retention=settings.OUTBOX_RETENTION,
            policy=current_policy(),
            merchant_id=merchant,
            alerts_since=alerts_since,
        )
        with snapshot():
            if merchant is not None and not scope.accounts.exists():
                raise CommandError(f"merchant {merchant} has no account")
            if chain:
                wrong = self._check_chain(scope, kept)
            else:
                self._say_what_is_there(scope)
                wrong = sum(self._check(scope, name) for name in CHECKS)
                self._say_trial_balance(scope)
        if wrong:
            self.stdout.write(f"The books are WRONG: {wrong} findings.")
            raise SystemExit(1)
        self.stdout.write(RIGHT)

    def _say_what_is_there(self, scope: Scope) -> None:
        posted = Q(status=Transaction.Status.POSTED)
        rows = scope.transactions.aggregate(posted=Count("id", filter=posted), others=Count("id", filter=~posted))
        self.stdout.write(
            f"Books as of {scope.now:%Y-%m-%d %H:%M:%S} UTC: {scope.accounts.count()} accounts, "
            f"{rows['posted']} posted and {rows['others']} declined or recorded transactions, "
            f"{scope.events.count()} events; "
            f"events demanded since {scope.kept_since:%Y-%m-%d %H:%M:%S}, "
            f"alerts {f'since {scope.alerts_since}' if scope.alerts_since else 'as far as any settings allow'}"
        )

    def _check(self, scope: Scope, name: str) -> int:
        """Make one check and print what it finds; how many findings are wrong."""
        wrong = self._say_findings(CHECKS[name](scope))
        self.stdout.write(f"{'WRONG' if wrong else 'ok':>5}  {name}")
        return wrong

    def _check_chain(self, scope: Scope, kept: list[Head]) -> int:
        """Print every head, and what is wrong with the chain or with its way through the heads kept."""
        for head in all_heads(scope):
            self.stdout.write(str(head))
        return self._say_findings(CHECKS[CHAIN](scope)) + self._say_findings(check_heads(kept))

    def _say_findings(self, found: Iterable[Finding]) -> int:
        wrong = 0
        for finding in found:
            self.stdout.write(f"  {finding}")
            wrong += finding.severity is Severity.WRONG
        return wrong

    def _say_trial_balance(self, scope: Scope) -> None:
        lines = trial_balance(scope)
        self.stdout.write(f"\n{'kind':<12}{'credits':>20}{'debits':>20}{'net':>20}")
        for line in lines:
            self.stdout.write(f"{line.kind:<12}{line.credited:>20}{line.debited:>20}{line.net:>20}")
        credited, debited = sum(line.credited for line in lines), sum(line.debited for line in lines)
        self.stdout.write(f"{'total':<12}{credited:>20}{debited:>20}{credited - debited:>20}")
        self.stdout.write(f"{'balances':<12}{sum_of_balances(scope):>60}\n\n")


def read_heads(file: Path) -> list[Head]:
    """The heads of a file, one a line; lines of what else an audit prints are passed by.

    Raises CommandError with the line that can't be read.
    """
    read = []
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--heads: {file}: {error}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.strip() == RIGHT:
            continue
        try:
            read.append(Head.read(line))
        except ValueError:
            raise CommandError(f"--heads: {file}, line {number}: not a merchant, a number and a digest") from None
    return read
