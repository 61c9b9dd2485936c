"""Rows: each transaction on its own: whose it is, and whether its own figures add up."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.fields import MAX_AMOUNT
from ledger.models import Account, Transaction
from ledger.outcomes import DeclineReason

CREDIT = Transaction.Operation.CREDIT
DEBIT = Transaction.Operation.DEBIT
POSTED = Transaction.Status.POSTED
REASONS = [str(reason) for reason in DeclineReason]
MOVING_NOTHING = [Transaction.Status.DECLINED, Transaction.Status.RECORDED]

# What must hold of every row. The database's own constraints say most of it too: the audit doesn't rely on them.
SOUND: Mapping[str, Q] = {
    "status": Q(status__in=[POSTED, *MOVING_NOTHING]),
    "operation": Q(operation__in=[CREDIT, DEBIT]),
    "kind": Q(kind__in=Transaction.Kind.values),
    "amount": Q(amount__gte=1, amount__lte=MAX_AMOUNT),
    "balance_after": (
        Q(status=POSTED, operation=CREDIT, balance_after=F("balance_before") + F("amount"))
        | Q(status=POSTED, operation=DEBIT, balance_after=F("balance_before") - F("amount"))
        | Q(status__in=MOVING_NOTHING, balance_after=F("balance_before"))
    ),
    "running totals": Q(balance_after=F("total_granted") - F("total_consumed") - F("total_expired")),
    "sequence": (
        Q(status=POSTED, sequence__isnull=False, sequence__gte=1) | Q(status__in=MOVING_NOTHING, sequence__isnull=True)
    ),
    "reason": Q(reason__in=REASONS, status=Transaction.Status.DECLINED)
    | (Q(reason="") & ~Q(status=Transaction.Status.DECLINED)),
}
COLUMNS = [
    "id", "merchant_id", "account_id", "status", "operation", "kind", "amount", "balance_before", "balance_after",
    "total_granted", "total_consumed", "total_expired", "sequence", "reason",
]  # fmt: skip


def check_rows(scope: Scope) -> Iterator[Finding]:
    """Each transaction is its account's merchant's, and its own figures add up."""
    # A CASE, because NOT of a condition that is NULL would pass the row by.
    sound = Case(When(reduce(and_, SOUND.values()), then=Value(1)), default=Value(0))
    unsound = scope.transactions.annotate(sound=sound).filter(sound=0)
    for row in unsound.values(*COLUMNS).iterator(chunk_size=CHUNK_ROWS):
        for what, condition in SOUND.items():
            if not Transaction.objects.filter(condition, id=row["id"]).exists():
                yield _finding(row, what, *_described(row, what))
    yield from _of_another_merchant(scope)


def _of_another_merchant(scope: Scope) -> Iterator[Finding]:
    owner = Account.objects.filter(id=OuterRef("account_id"), merchant_id=OuterRef("merchant_id"))
    for row in scope.transactions.filter(~Exists(owner)).values(*COLUMNS).iterator(chunk_size=CHUNK_ROWS):
        account = Account.objects.filter(id=row["account_id"]).first()
        expected = f"an account {row['account_id']}" if account is None else account.merchant_id
        yield _finding(row, "merchant_id by its account", expected, row["merchant_id"])


def _described(row: Mapping[str, Any], what: str) -> tuple[Any, Any]:
    """What was expected and what was found, in words that name the figures."""
    posted = row["status"] == POSTED
    if what == "amount":
        return f"1 to {MAX_AMOUNT}", row["amount"]
    if what == "balance_after":
        sign = {CREDIT: 1, DEBIT: -1}.get(row["operation"], 0) if posted else 0
        return row["balance_before"] + sign * row["amount"], row["balance_after"]
    if what == "running totals":
        return row["balance_after"], f"{row['total_granted']} - {row['total_consumed']} - {row['total_expired']}"
    if what == "sequence":
        return "a number from 1 on" if posted else None, row["sequence"]
    if what == "reason":
        declined = row["status"] == Transaction.Status.DECLINED
        return "why it was declined" if declined else "none", repr(row["reason"])
    return "a known one", repr(row[what])


def _finding(row: Mapping[str, Any], what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_transactions", row=row["id"], what=what, expected=expected, found=found)
