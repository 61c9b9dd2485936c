"""`manage.py rebuild`: each account anew from its transactions; shows what deviates, --write puts it right."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db import IntegrityError

from ledger.journal.rebuilding import compare, put_right
from ledger.management.terminal import TerminalCommand, add_person, harmless
from ledger.models import Account
from ledger.rules.rebuilding import Rebuilt
from ledger.snapshot import snapshot

MAX_REASON = 1000


class Command(TerminalCommand):
    """manage.py rebuild [--check | --write --actor WHO --reason WHY] [--merchant UUID …]"""

    help = (
        "Folds each account's transactions anew and shows where its row, its lots and its holds do not say the same: "
        "balance, held, totals, sequence, rows, head, next_due_at; of a lot remaining, held, sequence, pending, "
        "expiries, or the lot itself; of a hold its status and what was captured. Frozen and the threshold come from "
        "the account's changes, armed and event_sequence from its events as far back as these are kept. --write puts "
        "it right, with who and why on record. Not on any transaction, and left as they are: the shop, whether a "
        "lot's expiry was announced, which lots a hold took from, that a hold ran out. Transactions that do not follow "
        "from one another are named, and that account is not written: restore a backup. Exits 1 where anything "
        "deviates, or could not be put right."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--check", action="store_true", help="only show what deviates; what it does unless told")
        which.add_argument("--write", action="store_true", help="put it right")
        parser.add_argument("--merchant", type=UUID, action="append", help="this one only; may be given several times")
        add_person(parser, "--actor")
        parser.add_argument("--reason", default="", help="with --write: why; kept for ever")

    def handle(
        self, *, write: bool, merchant: list[UUID] | None, actor: str, reason: str, check: bool, **options: Any
    ) -> None:
        if write and not 0 < len(reason.strip()) <= MAX_REASON:
            raise CommandError(f"--write needs --reason, of {MAX_REASON} characters at most")
        deviating = self._compare(_asked(merchant))
        unmended = self._put_right(deviating, actor=actor, reason=reason) if write else len(deviating)
        if unmended:
            raise SystemExit(1)

    def _compare(self, merchants: Iterable[UUID]) -> list[UUID]:
        """Show every account that deviates, all in one view of the books; their merchants."""
        deviating, looked_at = [], 0
        with snapshot():
            for merchant_id in merchants:
                looked_at += 1
                rebuilt = compare(merchant_id)
                if not rebuilt.is_right:
                    deviating.append(merchant_id)
                    self._show(merchant_id, rebuilt)
        self.stdout.write(f"{looked_at} accounts, {len(deviating)} of them deviate from their transactions")
        return deviating

    def _show(self, merchant_id: UUID, rebuilt: Rebuilt) -> None:
        self.stdout.write(f"merchant {merchant_id}")
        for line in (*rebuilt.broken, *rebuilt.lost, *map(str, rebuilt.deviations)):
            self.stdout.write(harmless(f"  {line}"))

    def _put_right(self, merchants: Iterable[UUID], *, actor: str, reason: str) -> int:
        """Put each account right by itself; how many could not be, or not wholly."""
        unmended = 0
        for merchant_id in merchants:
            try:
                rebuilt = put_right(merchant_id, actor=actor, reason=reason)
            except IntegrityError as refused:
                unmended += 1
                self.stdout.write(f"merchant {merchant_id}: left as it is, the database refuses: {_first(refused)}")
                continue
            unmended += bool(rebuilt.broken or rebuilt.lost)
            said = "left as it is: its transactions are broken" if rebuilt.broken else "put right"
            also = f", but {len(rebuilt.lost)} rows are lost" if rebuilt.lost and not rebuilt.broken else ""
            self.stdout.write(f"merchant {merchant_id}: {said}{also}")
        return unmended


def _asked(merchants: list[UUID] | None) -> Iterable[UUID]:
    """The merchants whose accounts are to be looked at: those named, else all. Raises CommandError for an unknown."""
    if merchants is None:
        return Account.objects.order_by("id").values_list("merchant_id", flat=True).iterator()
    found = set(Account.objects.filter(merchant_id__in=merchants).values_list("merchant_id", flat=True))
    if unknown := [str(each) for each in merchants if each not in found]:
        raise CommandError(f"without an account: {', '.join(unknown)}")
    return merchants


def _first(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
