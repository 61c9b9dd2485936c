"""Accounts: each one's balance, totals, sequence and time against the sums of its rows and against its newest row."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import BigIntegerField, Count, F, Max, Q, Sum, Value
from django.db.models.functions import Coalesce

from ledger.audit.effects import effects
from ledger.audit.finding import Finding
from ledger.audit.running import TOTALS
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Transaction

POSTED = Q(transactions__status=Transaction.Status.POSTED)


def check_accounts(scope: Scope) -> Iterator[Finding]:
    """Each account equals what its rows add up to, and its newest row says the same."""
    yield from _against_sums(scope)
    yield from _against_newest_row(scope)


def _against_sums(scope: Scope) -> Iterator[Finding]:
    sums = {
        f"sum_of_{total}": Coalesce(Sum(of_row, filter=POSTED), Value(0), output_field=BigIntegerField())
        for total, of_row in effects(prefix="transactions__").items()
    }
    accounts = scope.accounts.annotate(
        all_rows=Count("transactions"),
        posted_rows=Count("transactions", filter=POSTED),
        newest_at=Max("transactions__created_at"),
        **sums,
    )
    for account in accounts.values().iterator(chunk_size=CHUNK_ROWS):
        yield from _differences(account)


def _differences(account: Mapping[str, Any]) -> Iterator[Finding]:
    granted, consumed, expired = (int(account[f"sum_of_{total}"]) for total in TOTALS)
    expected = {
        "balance": granted - consumed - expired,
        "total_granted": granted,
        "total_consumed": consumed,
        "total_expired": expired,
        "sequence": account["posted_rows"],
        "rows": account["all_rows"],
    }
    for column, value in expected.items():
        if account[column] != value:
            yield _finding(account["id"], f"{column} by the sum of its rows", value, account[column])
    updated_at, newest_at = account["updated_at"], account["newest_at"]
    if newest_at is not None and updated_at < newest_at:
        yield _finding(account["id"], "updated_at by its newest row", f"{newest_at} or later", updated_at)


def _against_newest_row(scope: Scope) -> Iterator[Finding]:
    columns = {"balance": "balance_after", **{total: total for total in TOTALS}}
    differs = Q()
    for column, of_row in columns.items():
        differs |= ~Q(**{of_row: F(f"account__{column}")})
    newest = scope.posted.filter(sequence=F("account__sequence")).filter(differs)
    of_account = [f"account__{column}" for column in columns]
    for row in newest.values("account_id", *columns.values(), *of_account).iterator(chunk_size=CHUNK_ROWS):
        for column, of_row in columns.items():
            if row[f"account__{column}"] != row[of_row]:
                what = f"{column} by its newest row"
                yield _finding(row["account_id"], what, row[of_row], row[f"account__{column}"])


def _finding(account_id: Any, what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_accounts", row=account_id, what=what, expected=expected, found=found)
