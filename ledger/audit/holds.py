"""Holds: each against the row that recorded it and those that resolved it, and together what their account holds."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Hold, Transaction

Row = Mapping[str, Any]
POSTED = Transaction.Status.POSTED
RECORDED = Transaction.Status.RECORDED
RECORDED_AS = {"amount": "row_amount", "reference_type": "row_type", "reference_id": "row_reference"}


def check_holds(scope: Scope) -> Iterator[Finding]:
    """Each hold says what its row says and was resolved as the rows say; each account holds what its open ones hold."""
    holds = Hold.objects.filter(account__in=scope.accounts.order_by()).order_by("id")
    for hold in _with_rows(holds).values().iterator(chunk_size=CHUNK_ROWS):
        yield from _differences(hold)
    yield from _without_hold(scope)
    yield from _held(scope)


def _with_rows(holds: "QuerySet[Hold]") -> "QuerySet[Hold]":
    row = Transaction.objects.filter(id=OuterRef("pk"), kind=Transaction.Kind.HOLD, status=RECORDED)
    return holds.annotate(
        row_amount=Subquery(row.values("amount")),
        row_type=Subquery(row.values("reference_type")),
        row_reference=Subquery(row.values("reference_id")),
        captures=_resolutions(Transaction.Kind.CAPTURE, POSTED, Count("*")),
        captured_by_rows=_resolutions(Transaction.Kind.CAPTURE, POSTED, Sum("amount")),
        releases=_resolutions(Transaction.Kind.RELEASE, RECORDED, Count("*")),
    )


def _resolutions(kind: str, status: str, figure: Any) -> Coalesce:
    rows = Transaction.objects.filter(target_id=OuterRef("pk"), kind=kind, status=status)
    return Coalesce(Subquery(rows.order_by().values("target_id").annotate(figure=figure).values("figure")), Value(0))


def _differences(hold: Row) -> Iterator[Finding]:
    if hold["row_amount"] is None:
        yield _finding(hold["id"], "row that recorded it", "one", "none")
    else:
        for column, of_row in RECORDED_AS.items():
            if hold[column] != hold[of_row]:
                yield _finding(hold["id"], f"{column} by its row", hold[of_row], hold[column])
    took = sum(part for _, part in hold["took"])
    if took != hold["amount"]:
        yield _finding(hold["id"], "amount by what it took of lots", took, hold["amount"])
    is_captured, is_released = (hold["status"] == s for s in (Hold.Status.CAPTURED, Hold.Status.RELEASED))
    expected = {
        "rows that captured it": (int(is_captured), hold["captures"]),
        "rows that released it": (int(is_released), hold["releases"]),
        "captured by the row that did": (hold["captured_by_rows"], hold["captured"]),
    }
    for what, (value, found) in expected.items():
        if found != value:
            yield _finding(hold["id"], what, value, found)


def _without_hold(scope: Scope) -> Iterator[Finding]:
    recorded = scope.transactions.filter(kind=Transaction.Kind.HOLD, status=RECORDED)
    lost = recorded.filter(~Exists(Hold.objects.filter(id=OuterRef("pk"))))
    for id_ in lost.values_list("id", flat=True).iterator(chunk_size=CHUNK_ROWS):
        yield Finding(table="credit_transactions", row=id_, what="hold", expected="one", found="none")


def _held(scope: Scope) -> Iterator[Finding]:
    still_open = Hold.objects.filter(account=OuterRef("pk"), status=Hold.Status.OPEN).order_by()
    total = Subquery(still_open.values("account").annotate(total=Sum("amount")).values("total"))
    accounts = scope.accounts.annotate(by_holds=Coalesce(total, Value(0))).exclude(held=F("by_holds"))
    for id_, held, by_holds in accounts.values_list("id", "held", "by_holds").iterator(chunk_size=CHUNK_ROWS):
        what = "held by the sum of its open holds"
        yield Finding(table="credit_accounts", row=id_, what=what, expected=int(by_holds), found=held)


def _finding(row: UUID, what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_holds", row=row, what=what, expected=expected, found=found)
