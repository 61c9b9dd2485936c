"""Moving accounts in: the predecessor's rows written into the books, whole accounts in one database transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.transaction import atomic

from ledger import dialect
from ledger.dialect import INTEGER
from ledger.fields import RESERVED_REFERENCE_TYPES, refuse_unprintable
from ledger.journal.inserting import insert_rows, rows_of_mappings
from ledger.journal.load import NEW_ACCOUNT, REFERENCE
from ledger.journal.post import MAX_RUNS
from ledger.journal.trouble import is_duplicate
from ledger.journal.waiting import MERCHANT
from ledger.journal.write import write
from ledger.predecessor.course import Course
from ledger.predecessor.rows import Note, OldAccount, OldTransaction, Reason
from ledger.rules.batch import Books
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.lots import Lots
from ledger.rules.moving_in import MAX_DESCRIPTION, arm, enter_difference, enter_row
from ledger.rules.state import AccountState, Entry, Policy, Reference

CHUNK_ROWS = 1000  # what is planned and written at a time
KEPT_TYPES = frozenset({"trial"})  # of the reserved ones, what a redelivered command would claim
IMPORTED = {**NEW_ACCOUNT, "imported_rows": INTEGER}

Tell = Callable[[Note], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An account to be moved in, its course, and its rows in their order, which can be read again and again."""

    account: OldAccount
    course: Course
    rows: Callable[[], Iterable[OldTransaction]]


def accounts_there(merchants: Iterable[UUID]) -> dict[UUID, UUID]:
    """By merchant, the ids of the accounts that are open already."""
    spoken = dialect.current()
    sql = (
        "SELECT merchant_id, id FROM credit_accounts WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(MERCHANT, zip(merchants)))
        return {spoken.uuid(merchant): spoken.uuid(id_) for merchant, id_ in cursor.fetchall()}


def move_in(arrivals: Sequence[Arrival], *, policy: Policy, tell: Tell) -> int:
    """Write these accounts with their rows and lots, all or none; how many rows were written.

    tell is called with each row that is not as it was, again where the database had the whole run again. Raises
    IntegrityError where a merchant's account was opened meanwhile or others kept using the same references, and
    whatever else the database raises.
    """
    for _ in range(MAX_RUNS - 1):
        try:
            return _run(arrivals, policy, tell)
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
    return _run(arrivals, policy, tell)


def _run(arrivals: Sequence[Arrival], policy: Policy, tell: Tell) -> int:
    with atomic(durable=True):
        now = dialect.current().clock()
        _insert_accounts(arrivals)
        return sum(_Mover(arrival, policy, now, tell).move() for arrival in arrivals)


def _insert_accounts(arrivals: Sequence[Arrival]) -> None:
    rows = [
        {
            "id": arrival.account.id,
            "merchant_id": arrival.account.merchant_id,
            "platform_name": arrival.account.platform_name,
            "platform_shop_id": arrival.account.platform_shop_id,
            "shop_domain": arrival.account.shop_domain,
            "correlation_id": f"import:{arrival.account.id}",
            "created_at": arrival.account.created_at,
            "updated_at": arrival.account.created_at,
            "imported_rows": arrival.course.rows + bool(arrival.course.opening) + bool(arrival.course.closing),
        }
        for arrival in arrivals
    ]
    insert_rows("credit_accounts", IMPORTED, rows_of_mappings(rows, IMPORTED))


class _Mover:
    """Moves one account in, chunk by chunk, so that it is held in memory no more than its open lots are."""

    def __init__(self, arrival: Arrival, policy: Policy, now: datetime, tell: Tell) -> None:
        self.arrival, self.policy, self.now, self.tell = arrival, policy, now, tell
        old = arrival.account
        self.account = AccountState(
            id=old.id,
            merchant_id=old.merchant_id,
            platform_name=old.platform_name,
            platform_shop_id=old.platform_shop_id,
            shop_domain=old.shop_domain,
            updated_at=self._first_moment(),
        )
        self.keeper = self._new_keeper()

    def move(self) -> int:
        course = self.arrival.course
        if course.opening:
            self._enter_difference(course.opening, "opening", Reason.OPENING, at=self.account.updated_at)
        rows = iter(self.arrival.rows())
        while chunk := list(islice(rows, CHUNK_ROWS)):
            taken = _taken(_own(row) for row in chunk)
            for row in chunk:
                self._enter(row, taken)
            self._write()
        if course.closing:
            at = max(self.account.updated_at, self.arrival.account.updated_at)
            self._enter_difference(course.closing, "closing", Reason.CLOSING, at=at)
        arm(self.keeper, self.account)
        self._write()
        return self.account.rows

    def _first_moment(self) -> datetime:
        first = next(iter(self.arrival.rows()), None)
        opened_at = self.arrival.account.created_at
        return opened_at if first is None else min(opened_at, first.created_at)

    def _new_keeper(self) -> Bookkeeper:
        return Bookkeeper(Books(now=self.now, accounts={self.account.merchant_id: self.account}), self.policy)

    def _write(self) -> None:
        """Write what is planned, and keep no more of it than the lots that are still open."""
        write(self.keeper.plan, now=self.now, account_wait=timedelta())
        self.account.lots = Lots(lot for lot in self.account.lots if lot.is_open)
        self.keeper = self._new_keeper()

    def _enter_difference(self, change: int, name: str, reason: Reason, *, at: datetime) -> None:
        description = f"{name.capitalize()} balance from before this service"
        entry = enter_difference(self.keeper, self.account, change, name=name, description=description, at=at)
        self._tell(reason, row=entry.reference_id, detail=f"{entry.operation} of {entry.amount}")

    def _enter(self, row: OldTransaction, taken: set[Reference]) -> None:
        if not row.amount:
            self._tell(Reason.NOTHING_MOVED, row=str(row.id), detail=f"{row.reference_type}/{row.reference_id}")
            return
        own = _own(row)
        reference = own if _can_be_kept(own) and own not in taken else ("import", str(row.id))
        taken.add(reference)
        entry = enter_row(
            self.keeper, self.account, row, reference=reference, imported=_imported(row, reference=reference)
        )
        for reason, detail in self._differences(row, entry):
            self._tell(reason, row=str(row.id), detail=detail)

    def _differences(self, row: OldTransaction, entry: Entry) -> Iterator[tuple[Reason, str]]:
        before, after = entry.balance_before, entry.balance_after
        if (before, after) != (row.balance_before, row.balance_after):
            was = f"{row.balance_before} to {row.balance_after}"
            yield Reason.RECOMPUTED, f"was {was}, is {before} to {after}"
        if (entry.reference_type, entry.reference_id) != _own(row):
            yield Reason.REFERENCE, f"was {'/'.join(_own(row))}"
        if row.merchant_id != self.account.merchant_id:
            yield Reason.MERCHANT, f"was {row.merchant_id}"
        if len(row.description) > MAX_DESCRIPTION:
            yield Reason.DESCRIPTION, f"had {len(row.description)} characters"

    def _tell(self, reason: Reason, *, row: str, detail: str) -> None:
        table = "credit_transactions"
        self.tell(Note(reason=reason, table=table, row=row, account_id=str(self.account.id), detail=detail))


def _own(row: OldTransaction) -> Reference:
    return (row.reference_type, row.reference_id)


def _imported(row: OldTransaction, *, reference: Reference) -> dict[str, Any]:
    """What the predecessor's row said: where to find it, its balances, and the reference that could not be kept."""
    said: dict[str, Any] = {
        "id": str(row.id),
        "balance_before": row.balance_before,
        "balance_after": row.balance_after,
    }
    return said if reference == _own(row) else {**said, "reference": list(_own(row))}


def _can_be_kept(reference: Reference) -> bool:
    """Whether a reference fits our columns, and is not one that this service gives."""
    type_, id_ = reference
    if not (1 <= len(type_) <= 64 and 1 <= len(id_) <= 255):
        return False
    if type_ in RESERVED_REFERENCE_TYPES - KEPT_TYPES:
        return False
    try:
        refuse_unprintable(type_ + id_)
    except ValueError:
        return False
    return True


def _taken(references: Iterable[Reference]) -> set[Reference]:
    """Those of these references that a transaction holds already."""
    spoken = dialect.current()
    sql = f"SELECT t.reference_type, t.reference_id FROM {spoken.each_found('credit_transactions', REFERENCE)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(REFERENCE, set(references)))
        return set(cursor.fetchall())
