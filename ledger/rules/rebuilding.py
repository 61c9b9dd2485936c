"""Rebuilding: what an account, its lots and its holds must say, folded anew out of its transactions alone.

Three things are on no transaction and are taken as they stand: which lots a hold took from (the database refuses to
change that), that a hold ran out by time, and whether a lot's expiry was announced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ledger.outcomes import Status
from ledger.rules.bookkeeping import add_to_totals
from ledger.rules.chain import START, row_digest
from ledger.rules.due import next_due
from ledger.rules.holding import HoldState, HoldStatus
from ledger.rules.lots import Lot, Lots
from ledger.rules.state import AccountState, Kind, Operation, Policy
from ledger.rules.terms import LotTerms, Terms

Row = Mapping[str, Any]
OF_ACCOUNT = (
    "balance", "held", "total_granted", "total_consumed", "total_expired", "sequence", "rows", "head", "updated_at",
    "next_due_at",
)  # fmt: skip
OF_LOT = ("remaining", "held", "sequence", "pending", "expiries")
OF_HOLD = ("status", "captured")
RUNNING = ("total_granted", "total_consumed", "total_expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One column that does not say what the transactions say."""

    table: str
    row: UUID
    what: str
    stored: Any
    rebuilt: Any

    def __str__(self) -> str:
        stored, rebuilt = ("none" if value is None else value for value in (self.stored, self.rebuilt))
        return f"{self.table} {self.row}: {self.what}: stored {stored}, by its transactions {rebuilt}"


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """An account as its transactions have it, and where what is stored deviates.

    lots, new_lots and holds are those that deviate. broken says why the transactions themselves can't be trusted:
    then nothing is to be written. lost says what is gone and on no transaction.
    """

    account: AccountState
    deviations: list[Deviation] = field(default_factory=list)
    lots: dict[UUID, Lot] = field(default_factory=dict)
    new_lots: dict[UUID, Lot] = field(default_factory=dict)
    holds: dict[UUID, HoldState] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return not (self.deviations or self.broken or self.lost)


def rebuild(account: AccountState, rows: Iterable[Row], policy: Policy, *, known: Mapping[str, Any]) -> Rebuilt:
    """Fold an account's rows, in the order of their numbers, into what it must be, and compare.

    account is what is stored, with every lot and hold of it. known are columns of the account that other rows than
    transactions say (its changes, its events).
    """
    fold = _Fold(account)
    for row in rows:
        fold.enter(row)
        if fold.rebuilt.broken:
            return fold.rebuilt
    fold.finish(policy, known)
    _compare(fold.rebuilt, "credit_accounts", (*OF_ACCOUNT, *known), stored=account, by_rows=fold.account)
    for lot in fold.account.lots:
        _compare_lot(fold.rebuilt, account.lots.get(lot.id), lot)
    for hold in fold.account.holds.values():
        if _compare(fold.rebuilt, "credit_holds", OF_HOLD, stored=account.holds[hold.id], by_rows=hold):
            fold.rebuilt.holds[hold.id] = hold
    unopened = {lot.id for lot in account.lots} - {lot.id for lot in fold.account.lots}
    fold.rebuilt.lost += [f"credit_lots {lot_id}: no transaction opened it" for lot_id in sorted(unopened)]
    return fold.rebuilt


def _compare_lot(rebuilt: Rebuilt, stored: Lot | None, lot: Lot) -> None:
    if stored is None:
        rebuilt.new_lots[lot.id] = lot
        rebuilt.deviations.append(
            Deviation(table="credit_lots", row=lot.id, what="lot", stored=None, rebuilt=f"{lot.remaining} remaining")
        )
    elif _compare(rebuilt, "credit_lots", OF_LOT, stored=stored, by_rows=lot):
        rebuilt.lots[lot.id] = lot


def _compare(rebuilt: Rebuilt, table: str, columns: Iterable[str], *, stored: Any, by_rows: Any) -> bool:
    """Note each column in which two states of one row differ; whether any does."""
    found = [
        Deviation(table=table, row=stored.id, what=name, stored=getattr(stored, name), rebuilt=getattr(by_rows, name))
        for name in columns
        if getattr(stored, name) != getattr(by_rows, name)
    ]
    rebuilt.deviations += found
    return bool(found)


class _Fold:
    """One account in the making."""

    def __init__(self, stored: AccountState) -> None:
        self.stored = stored
        self.account = replace(
            stored, balance=0, held=0, total_granted=0, total_consumed=0, total_expired=0, sequence=0, rows=0,
            head=START, lots=Lots(), holds={},
        )  # fmt: skip
        self.rebuilt = Rebuilt(account=self.account)

    def enter(self, row: Row) -> None:
        """Take in the next row, unless it does not follow from those before it."""
        account = self.account
        before = account.balance
        if row["status"] == Status.POSTED:
            kind, operation = Kind(row["kind"]), Operation(row["operation"])
            add_to_totals(account, kind=kind, operation=operation, amount=row["amount"])
            account.sequence += 1
        account.rows += 1
        self._check(row, before)
        account.head = row["digest"]
        account.updated_at = max(account.updated_at, row["created_at"])
        if self.rebuilt.broken:
            return
        try:
            self._enter_lots(row)
        except KeyError as unknown:
            self.rebuilt.broken.append(f"credit_transactions {row['id']}: no row before it opened the lot {unknown}")
        self._enter_holds(row)

    def _check(self, row: Row, before: int) -> None:
        is_posted = row["status"] == Status.POSTED
        expected = {
            "number": self.account.rows,
            "digest": row_digest(self.account.head, row),
            "sequence": self.account.sequence if is_posted else None,
            "balance_before": before,
            "balance_after": self.account.balance,
            **{total: getattr(self.account, total) for total in RUNNING},
        }
        self.rebuilt.broken += [
            f"credit_transactions {row['id']}: {what}: expected {value}, found {row[what]}"
            for what, value in expected.items()
            if row[what] != value
        ]

    def _enter_lots(self, row: Row) -> None:
        lots, is_posted = self.account.lots, row["status"] == Status.POSTED
        if row["reference_type"] == "activate":
            lot = lots[row["target_id"]]
            lot.pending = False
            lot.remaining, lot.sequence = (lot.amount, row["sequence"]) if is_posted else (0, None)
        elif _opens_a_lot(row):
            lots.add(_lot_of(row, self.stored.lots.get(row["id"])))
        for lot_id, part in row["allocations"]:
            lots[UUID(lot_id)].remaining += part if row["operation"] == Operation.CREDIT else -part
        if row["kind"] == Kind.EXPIRE:
            lots[row["target_id"]].expiries += 1

    def _enter_holds(self, row: Row) -> None:
        kind, status = row["kind"], row["status"]
        if (kind, status) == (Kind.HOLD, Status.RECORDED):
            stored = self.stored.holds.get(row["id"])
            if stored is None:
                self.rebuilt.lost.append(f"credit_holds {row['id']}: gone, and which lots it took is on no transaction")
            else:
                self.account.holds[row["id"]] = replace(stored, status=HoldStatus.OPEN, captured=0, resolved_at=None)
        elif (hold := self.account.holds.get(row["target_id"])) is None:
            return
        elif (kind, status) == (Kind.CAPTURE, Status.POSTED):
            hold.status, hold.captured, hold.resolved_at = HoldStatus.CAPTURED, row["amount"], row["created_at"]
        elif (kind, status) == (Kind.RELEASE, Status.RECORDED):
            hold.status, hold.resolved_at = HoldStatus.RELEASED, row["created_at"]

    def finish(self, policy: Policy, known: Mapping[str, Any]) -> None:
        """What no single row says: what holds have set aside, and when to look at the account again."""
        for hold in self.account.holds.values():
            if hold.status is not HoldStatus.OPEN:
                continue
            stored = self.stored.holds[hold.id]
            if stored.status is HoldStatus.EXPIRED:
                hold.status, hold.resolved_at = stored.status, stored.resolved_at
                continue
            self.account.held += hold.amount
            for lot_id, part in hold.took:
                self.account.lots[lot_id].held += part
        for column, value in known.items():
            setattr(self.account, column, value)
        earliest = next_due(self.account, policy)
        if earliest is not None and (self.stored.next_due_at is None or self.stored.next_due_at > earliest):
            self.account.next_due_at = earliest


def _opens_a_lot(row: Row) -> bool:
    moves_nothing_in = row["status"] == Status.DECLINED or row["kind"] in (Kind.REVERSE, Kind.RELEASE)
    return row["operation"] == Operation.CREDIT and not moves_nothing_in


def _lot_of(row: Row, stored: Lot | None) -> Lot:
    """The lot that a credit opened, as it was then."""
    is_posted = row["status"] == Status.POSTED
    terms = Terms.from_json(row["terms"]).lot or LotTerms()
    return Lot(
        id=row["id"],
        account_id=row["account_id"],
        reference_type=row["reference_type"],
        reference_id=row["reference_id"],
        category=terms.category,
        priority=terms.priority,
        effective_at=terms.effective_at or row["created_at"],
        expires_at=terms.expires_at,
        amount=row["amount"],
        remaining=row["amount"] if is_posted else 0,
        sequence=row["sequence"],
        pending=not is_posted,
        warned=stored is not None and stored.warned,
        correlation_id=row["correlation_id"],
    )
