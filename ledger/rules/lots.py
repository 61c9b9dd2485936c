"""Lots: the credits of one grant, purchase or trial that are left; which ones a debit takes, and in which order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.fields import DEFAULT_PRIORITY, Category

Allocations = Sequence[tuple[UUID, int]]  # of which lot how many credits, in the order in which they were taken
NEVER = datetime.max.replace(tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Lot:
    """What is left of one credit; id, and its reference, are those of the transaction that claimed it.

    remaining includes what holds have set aside of it (held). sequence is that of the transaction that posted it,
    null while it is pending, which is until effective_at. expiries counts the transactions that expired a part of
    it; warned says whether its expiry was announced.
    """

    id: UUID
    account_id: UUID
    reference_type: str
    reference_id: str
    category: Category
    priority: int = DEFAULT_PRIORITY
    effective_at: datetime
    expires_at: datetime | None = None
    amount: int
    remaining: int
    held: int = 0
    sequence: int | None
    pending: bool = False
    expiries: int = 0
    warned: bool = False
    correlation_id: str

    @property
    def free(self) -> int:
        """What can be taken of it, in credits."""
        return self.remaining - self.held

    def warned_at(self, ahead: timedelta) -> datetime:
        """When its expiry is announced, so long ahead: at the earliest moment where that lies before all times."""
        expires_at = self.expires_at or NEVER
        return expires_at - ahead if expires_at - EARLIEST > ahead else EARLIEST

    @property
    def is_open(self) -> bool:
        return self.pending or self.remaining > 0

    def burns_before(self) -> tuple[Any, ...]:
        """Its place among others: the smaller is taken from first (docs/contract.md, "Lots")."""
        is_paid, lasts = self.category is Category.PAID, self.expires_at is None
        return (self.priority, lasts, self.expires_at or NEVER, is_paid, self.effective_at, self.sequence or 0)


class Lots:
    """One account's lots by their id, and the order in which they burn.

    Where only those that burn first were loaded, they can be taken from and others can come in; to go over all of them
    raises LookupError.
    """

    __slots__ = ("_are_all", "_burning", "_by_id")

    def __init__(self, lots: Iterable[Lot] = (), *, are_all: bool = True) -> None:
        self._by_id = {lot.id: lot for lot in lots}
        self._are_all = are_all
        self._burning: list[Lot] | None = None

    def __iter__(self) -> Iterator[Lot]:
        if not self._are_all:
            raise LookupError("only the lots that burn first were loaded, and all are asked for")
        return iter(self._by_id.values())

    def __getitem__(self, lot_id: UUID) -> Lot:
        return self._by_id[lot_id]

    def get(self, lot_id: UUID) -> Lot | None:
        return self._by_id.get(lot_id)

    def add(self, lot: Lot) -> None:
        """Take a lot in."""
        self._by_id[lot.id] = lot
        self.reorder()

    def reorder(self) -> None:
        """Have the burn order found anew, after a lot came in, became effective or was given back to."""
        self._burning = None

    def choose(self, amount: int) -> list[tuple[UUID, int]]:
        """Where so many credits come from, in burn order. The free parts of all lots must hold that many."""
        chosen = []
        for lot in self._in_burn_order():
            part = min(amount, lot.free)
            if part:
                chosen.append((lot.id, part))
                amount -= part
                if not amount:
                    return chosen
        raise ArithmeticError(f"the lots hold {amount} credits less than the account")

    def _in_burn_order(self) -> list[Lot]:
        if self._burning is None:
            burning = [lot for lot in self._by_id.values() if lot.remaining and not lot.pending]
            self._burning = sorted(burning, key=Lot.burns_before)
        elif self._burning and not self._burning[0].remaining:
            self._burning = [lot for lot in self._burning if lot.remaining]
        return self._burning


def last_taken_first(taken: Allocations, *, skip: int, amount: int) -> list[tuple[UUID, int]]:
    """So many credits of what was taken, from the end on, past those `skip` that were given back before."""
    back = []
    for lot_id, part in reversed(taken):
        passed = min(skip, part)
        skip -= passed
        given = min(amount, part - passed)
        if given:
            back.append((lot_id, given))
            amount -= given
    return back


def first_taken_first(taken: Allocations, *, amount: int) -> list[tuple[UUID, int]]:
    """So many credits of what was taken, from the start on."""
    parts = []
    for lot_id, part in taken:
        kept = min(amount, part)
        if kept:
            parts.append((lot_id, kept))
            amount -= kept
    return parts
