"""Histories: an account whose posted rows lie years apart, or many at one moment, as no test could wait for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F

from ledger.models import Account, Transaction
from tests.ledger.builders import account_row, transaction_row

# kind: operation, and the total that it adds to or, as a reversal, takes from.
MOVES = {
    "grant": ("credit", "total_granted", 1),
    "consume": ("debit", "total_consumed", 1),
    "expire": ("debit", "total_expired", 1),
}


def account_with(history: Iterable[tuple[datetime, str, int]], **columns: Any) -> Account:
    """An account with these rows (when, kind, credits), oldest first; what the balance can't bear is declined."""
    rows: list[Transaction] = []
    account = account_row(**columns)
    account.save()
    for created_at, kind, amount in history:
        rows.append(_row(account, kind, amount, created_at=created_at))
    Transaction.objects.bulk_create(rows[::-1])  # no query may lean on the order in which rows were written
    account.save()
    return account


def _row(account: Account, kind: str, amount: int, *, created_at: datetime) -> Transaction:
    operation, total, sign = MOVES[kind]
    signed = amount if operation == "credit" else -amount
    declined = account.balance + signed < 0
    before = account.balance
    account.rows += 1
    account.updated_at = created_at
    if not declined:
        account.balance += signed
        setattr(account, total, getattr(account, total) + sign * amount)
        account.sequence += 1
    return transaction_row(
        account,
        number=account.rows,
        kind=kind,
        operation=operation,
        amount=amount,
        status="declined" if declined else "posted",
        reason="insufficient_credits" if declined else "",
        sequence=None if declined else account.sequence,
        balance_before=before,
        balance_after=account.balance,
        total_granted=account.total_granted,
        total_consumed=account.total_consumed,
        total_expired=account.total_expired,
        created_at=created_at,
    )


def rows_of(account: Account) -> list[Transaction]:
    """The account's posted rows, oldest first."""
    return list(Transaction.objects.filter(account=account, status="posted").order_by(F("sequence")))
