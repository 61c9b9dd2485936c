"""The chain: each account's posted rows in order, every one of them taking up where the one before left off."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Case, F, Q, Value, When, Window
from django.db.models.functions import Lag

from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Transaction

CREDIT = Transaction.Operation.CREDIT
DEBIT = Transaction.Operation.DEBIT


def check_chain(scope: Scope) -> Iterator[Finding]:
    """Numbers without a gap, balances and running totals that follow from the row before, times that never go back."""
    granted = Case(When(operation=CREDIT, then=F("amount")), default=Value(0))
    consumed = Case(When(operation=DEBIT, then=F("amount")), default=Value(0))
    chained = scope.posted.filter(sequence__isnull=False).annotate(
        previous_sequence=_previous("sequence"),
        previous_balance=_previous("balance_after"),
        previous_granted=_previous("total_granted"),
        previous_consumed=_previous("total_consumed"),
        previous_at=Window(Lag("created_at"), partition_by="account_id", order_by="sequence"),
        granted=granted,
        consumed=consumed,
    )
    broken = chained.filter(
        ~Q(sequence=F("previous_sequence") + 1)
        | ~Q(balance_before=F("previous_balance"))
        | ~Q(total_granted=F("previous_granted") + F("granted"))
        | ~Q(total_consumed=F("previous_consumed") + F("consumed"))
        | Q(created_at__lt=F("previous_at"))
    )
    for row in broken.values().iterator(chunk_size=CHUNK_ROWS):
        yield from _breaks(row)


def _previous(column: str) -> Window:
    """That column of the account's row before; 0 where there is none."""
    return Window(Lag(column, default=Value(0)), partition_by="account_id", order_by="sequence")


def _breaks(row: Mapping[str, Any]) -> Iterator[Finding]:
    expected = {
        "sequence": row["previous_sequence"] + 1,
        "balance_before": row["previous_balance"],
        "total_granted": row["previous_granted"] + row["granted"],
        "total_consumed": row["previous_consumed"] + row["consumed"],
    }
    for column, value in expected.items():
        if row[column] != value:
            yield _finding(row, f"{column} by the row before", value, row[column])
    if row["previous_at"] is not None and row["created_at"] < row["previous_at"]:
        yield _finding(row, "created_at by the row before", f"{row['previous_at']} or later", row["created_at"])


def _finding(row: Mapping[str, Any], what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_transactions", row=row["id"], what=what, expected=expected, found=found)
