"""Running balances: each account's posted rows in order, every one of them taking up where the one before left off."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import F, Q, Value, Window
from django.db.models.functions import Lag

from ledger.audit.effects import effects
from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope

TOTALS = ("total_granted", "total_consumed", "total_expired")


def check_running(scope: Scope) -> Iterator[Finding]:
    """Numbers without a gap, balances and running totals that follow from the row before, times that never go back."""
    of_row = effects()
    running = scope.posted.filter(sequence__isnull=False).annotate(
        previous_sequence=_previous("sequence"),
        previous_balance=_previous("balance_after"),
        previous_at=Window(Lag("created_at"), partition_by="account_id", order_by="sequence"),
        **{f"previous_{total}": _previous(total) for total in TOTALS},
        **{f"added_{total}": of_row[total] for total in TOTALS},
    )
    broken = ~Q(sequence=F("previous_sequence") + 1) | ~Q(balance_before=F("previous_balance"))
    for total in TOTALS:
        broken |= ~Q(**{total: F(f"previous_{total}") + F(f"added_{total}")})
    for row in running.filter(broken | Q(created_at__lt=F("previous_at"))).values().iterator(chunk_size=CHUNK_ROWS):
        yield from _breaks(row)


def _previous(column: str) -> Window:
    """That column of the account's row before; 0 where there is none."""
    return Window(Lag(column, default=Value(0)), partition_by="account_id", order_by="sequence")


def _breaks(row: Mapping[str, Any]) -> Iterator[Finding]:
    expected = {"sequence": row["previous_sequence"] + 1, "balance_before": row["previous_balance"]}
    expected |= {total: row[f"previous_{total}"] + row[f"added_{total}"] for total in TOTALS}
    for column, value in expected.items():
        if row[column] != value:
            yield _finding(row, f"{column} by the row before", value, row[column])
    if row["previous_at"] is not None and row["created_at"] < row["previous_at"]:
        yield _finding(row, "created_at by the row before", f"{row['previous_at']} or later", row["created_at"])


def _finding(row: Mapping[str, Any], what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_transactions", row=row["id"], what=what, expected=expected, found=found)
