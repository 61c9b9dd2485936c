"""`manage.py audit`: walk the books, name every row that is wrong, exit 1 if there is one."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db.models import Count, Q
from django.utils import timezone

from ledger.audit import CHECKS, Scope, Severity, snapshot
from ledger.audit.trial_balance import sum_of_balances, trial_balance
from ledger.journal.post import current_policy
from ledger.models import Transaction


class Command(BaseCommand):
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

    def handle(self, *, merchant: UUID | None, alerts_since: datetime | None, **options: Any) -> None:
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
            self._say_what_is_there(scope)
            wrong = sum(self._check(scope, name) for name in CHECKS)
            self._say_trial_balance(scope)
        if wrong:
            self.stdout.write(f"The books are WRONG: {wrong} findings.")
            raise SystemExit(1)
        self.stdout.write("The books are right.")

    def _say_what_is_there(self, scope: Scope) -> None:
        posted = Q(status=Transaction.Status.POSTED)
        rows = scope.transactions.aggregate(posted=Count("id", filter=posted), declined=Count("id", filter=~posted))
        self.stdout.write(
            f"Books as of {scope.now:%Y-%m-%d %H:%M:%S} UTC: {scope.accounts.count()} accounts, "
            f"{rows['posted']} posted and {rows['declined']} declined transactions, {scope.events.count()} events; "
            f"events demanded since {scope.kept_since:%Y-%m-%d %H:%M:%S}, "
            f"alerts {f'since {scope.alerts_since}' if scope.alerts_since else 'as far as any settings allow'}"
        )

    def _check(self, scope: Scope, name: str) -> int:
        """Make one check and print what it finds; how many findings are wrong."""
        wrong = 0
        for finding in CHECKS[name](scope):
            self.stdout.write(f"  {finding}")
            wrong += finding.severity is Severity.WRONG
        self.stdout.write(f"{'WRONG' if wrong else 'ok':>5}  {name}")
        return wrong

    def _say_trial_balance(self, scope: Scope) -> None:
        lines = trial_balance(scope)
        self.stdout.write(f"\n{'kind':<12}{'credits':>20}{'debits':>20}{'net':>20}")
        for line in lines:
            self.stdout.write(f"{line.kind:<12}{line.credited:>20}{line.debited:>20}{line.net:>20}")
        credited, debited = sum(line.credited for line in lines), sum(line.debited for line in lines)
        self.stdout.write(f"{'total':<12}{credited:>20}{debited:>20}{credited - debited:>20}")
        self.stdout.write(f"{'balances':<12}{sum_of_balances(scope):>60}\n\n")


def moment(text: str) -> datetime:
    """A time with its zone. Raises ValueError for anything else, which argparse reports."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs its zone")
    return at
