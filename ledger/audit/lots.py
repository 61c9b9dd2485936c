"""Lots: what is left of each, against what its credit brought and what debits and reversals took and gave back."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ledger.audit.finding import Finding
from ledger.audit.ordered import Ordered
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Hold, Lot, Transaction

Row = Mapping[str, Any]
CREDIT = Transaction.Operation.CREDIT
ROW_COLUMNS = [
    "id", "account_id", "status", "kind", "operation", "amount", "sequence", "reference_type", "target_id",
    "allocations",
]  # fmt: skip
LOT_COLUMNS = ["id", "account_id", "amount", "remaining", "held", "sequence", "pending", "expiries"]


def check_lots(scope: Scope) -> Iterator[Finding]:
    """Each credit has its lot, each lot holds what it must, and together they are the balance."""
    of_scope = {"account__in": scope.accounts.order_by()}
    moving = scope.transactions.exclude(status=Transaction.Status.DECLINED)
    rows = _ordered(moving.order_by("account_id", "id").values(*ROW_COLUMNS))
    lots = _ordered(Lot.objects.filter(**of_scope).order_by("account_id", "id").values(*LOT_COLUMNS))
    open_holds = Hold.objects.filter(**of_scope, status=Hold.Status.OPEN).order_by("account_id", "id")
    holds = _ordered(open_holds.values("account_id", "took"))
    for account in scope.accounts.values("id", "balance").iterator(chunk_size=CHUNK_ROWS):
        id_ = account["id"]
        tally = _Tally()
        for row in _of(rows, id_):
            yield from tally.enter(row)
        for hold in _of(holds, id_):
            for lot_id, part in hold["took"]:
                tally.held[UUID(lot_id)] += part
        remaining = 0
        for lot in _of(lots, id_):
            yield from tally.compare(lot)
            remaining += lot["remaining"]
        yield from tally.without_lot()
        if remaining != account["balance"]:
            yield _finding("credit_accounts", id_, "balance by the sum of its lots", remaining, account["balance"])


def _ordered(rows: Any) -> Ordered[Row]:
    return Ordered(rows.iterator(chunk_size=CHUNK_ROWS), key=lambda row: row["account_id"])


def _of(rows: Ordered[Row], account_id: UUID) -> Iterator[Row]:
    """The account's own; those of accounts passed by are left out."""
    return (row for row in rows.up_to(account_id) if row["account_id"] == account_id)


@dataclass(slots=True)
class _Tally:
    """What one account's rows and holds say of its lots."""

    posted: dict[UUID, Row] = field(default_factory=dict)  # by lot, the row that posted it
    recorded: dict[UUID, Row] = field(default_factory=dict)  # by lot, the row of a credit that comes later
    taken: "Counter[UUID]" = field(default_factory=Counter)
    held: "Counter[UUID]" = field(default_factory=Counter)
    expiries: "Counter[UUID]" = field(default_factory=Counter)

    def enter(self, row: Row) -> Iterator[Finding]:
        """Take a row into account; what is wrong with its allocations in themselves."""
        is_posted = row["status"] == Transaction.Status.POSTED
        opens_a_lot = row["operation"] == CREDIT and row["kind"] not in ("reverse", "release")
        if opens_a_lot:
            lot_id = row["target_id"] if row["reference_type"] == "activate" else row["id"]
            (self.posted if is_posted else self.recorded)[lot_id] = row
        for lot_id, part in row["allocations"]:
            self.taken[UUID(lot_id)] += -part if row["operation"] == CREDIT else part
        if row["kind"] == "expire":
            self.expiries[row["target_id"]] += 1
        allocated = sum(part for _, part in row["allocations"])
        expected = row["amount"] if is_posted and not opens_a_lot else 0
        if allocated != expected:
            yield _finding("credit_transactions", row["id"], "sum of its allocations", expected, allocated)

    def compare(self, lot: Row) -> Iterator[Finding]:
        """What is wrong with a lot."""
        posted = self.posted.pop(lot["id"], None)
        recorded = self.recorded.pop(lot["id"], None)
        credit = posted or recorded
        if credit is None:
            yield _finding("credit_lots", lot["id"], "transaction that opened it", "one", "none")
            return
        expected = {
            "amount": credit["amount"],
            "sequence": credit["sequence"],
            "remaining": (credit["amount"] if posted else 0) - self.taken[lot["id"]],
            "held": self.held[lot["id"]],
            "expiries": self.expiries[lot["id"]],
        }
        if posted:
            expected["pending"] = False
        for column, value in expected.items():
            if lot[column] != value:
                yield _finding("credit_lots", lot["id"], f"{column} by the transactions", value, lot[column])

    def without_lot(self) -> Iterator[Finding]:
        """The credits that no lot was found for."""
        for row in (*self.posted.values(), *self.recorded.values()):
            yield _finding("credit_transactions", row["id"], "lot", "one", "none")


def _finding(table: str, row: UUID, what: str, expected: Any, found: Any) -> Finding:
    return Finding(table=table, row=row, what=what, expected=expected, found=found)
