"""Heads: where each account's hash chain stands, to be kept elsewhere; and whether it still goes through those kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Account, Transaction
from ledger.rules.chain import START

NONE = "-"  # the head of an account without rows


@dataclass(frozen=True, slots=True)
class Head:
    """An account's chain at some moment: how many rows it had, and the digest of the newest."""

    merchant_id: UUID
    rows: int
    digest: str

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.rows} {self.digest or NONE}"

    @classmethod
    def read(cls, line: str) -> "Head":
        """The head out of what str() gave. Raises ValueError."""
        merchant_id, rows, digest = line.split()
        return cls(UUID(merchant_id), int(rows), START if digest == NONE else digest)


def heads(scope: Scope) -> Iterator[Head]:
    """Every account's head as its row states it; check_chain says whether that is the truth."""
    accounts = scope.accounts.values_list("merchant_id", "rows", "head")
    for merchant_id, rows, head in accounts.iterator(chunk_size=CHUNK_ROWS):
        yield Head(merchant_id, rows, head)


def check_heads(kept: Iterable[Head]) -> Iterator[Finding]:
    """Each account's chain still goes through the head that was kept: else its history is another one."""
    for head in kept:
        account_id = Account.objects.filter(merchant_id=head.merchant_id).values_list("id", flat=True).first()
        if account_id is None:
            yield _finding("(no row)", "account of a head kept", str(head.merchant_id), "none")
        elif head.rows:
            at = Transaction.objects.filter(account_id=account_id, number=head.rows)
            found = at.values_list("digest", flat=True).first()
            if found != head.digest:
                yield _finding(account_id, f"digest of row {head.rows} by the head kept", head.digest, found or "none")


def _finding(row: UUID | str, what: str, expected: str, found: str) -> Finding:
    return Finding(table="credit_accounts", row=row, what=what, expected=expected, found=found)
