"""Loading: open what the batch opens, lock its accounts, read the clock, look up all that its requests name."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import dialect
from ledger.commands import OpenAccount
from ledger.dialect import KEY, MOMENT, TEXT, UUID_
from ledger.identifiers import new_id
from ledger.journal.inserting import insert, rows_of_mappings
from ledger.journal.waiting import MERCHANT, waiting_for
from ledger.outcomes import Status
from ledger.requests import Request
from ledger.rules.batch import Books, Waiting
from ledger.rules.movements import Movement, movement_of, moves
from ledger.rules.reach import burnt_at_most
from ledger.rules.state import AccountState, Claimed, Kind, Operation, Policy, Reference
from ledger.states import ACCOUNT, account_states, allocations_of, attach, recorded_rows

REFERENCE = {"reference_type": TEXT, "reference_id": TEXT}
NEW_ACCOUNT = {
    "id": UUID_,
    "merchant_id": UUID_,
    "platform_name": TEXT,
    "platform_shop_id": TEXT,
    "shop_domain": TEXT,
    "correlation_id": TEXT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
CLAIMED = (
    "reference_type", "reference_id", "id", "merchant_id", "kind", "operation", "status", "amount", "stated_amount",
    "balance_after", "reason", "target_id", "allocations",
)  # fmt: skip


class Drain(Enum):
    """What opening an account posts in the same transaction of what was waiting for it."""

    DUE = "due"
    NOTHING = "nothing"


def load(
    requests: Sequence[Request], policy: Policy, *, drain: Drain = Drain.DUE, merchants: Iterable[UUID] = ()
) -> Books:
    """The books for a batch, its accounts locked in the order of their merchants' ids until the transaction ends.

    merchants are those whose accounts are wanted besides, for what is due on them. The look-ups are statements of
    their own: one that locked as well would see what was there before it got the lock.
    """
    spoken = dialect.current()
    ready = [request for request in requests if request.due_at is None]
    opened = _insert_accounts(ready)
    accounts = _accounts({*merchants, *(request.command.merchant_id for request in ready)}, lock=spoken.lock)
    now = spoken.clock()
    waiting = waiting_for(opened, now, lock=spoken.lock_free_ones) if drain is Drain.DUE else {}
    return _books(ready, accounts, opened, waiting, now=now, policy=policy)


def look(requests: Sequence[Request], policy: Policy) -> Books:
    """The books as load would have them, with nothing locked and nothing opened: for a plan that nobody writes.

    To be called in a snapshot.
    """
    ready = [request for request in requests if request.due_at is None]
    accounts = _accounts({request.command.merchant_id for request in ready}, lock="")
    now = dialect.current().clock()
    new = _first_openings(request for request in ready if request.command.merchant_id not in accounts)
    rows = {merchant_id: _new_account(*opening, now) for merchant_id, opening in new.items()}
    for merchant_id, row in rows.items():
        shown = {name: value for name, value in row.items() if name in ACCOUNT}
        accounts[merchant_id] = AccountState(**shown)
    return _books(ready, accounts, set(rows), waiting_for(set(rows), now, lock=""), now=now, policy=policy)


def _books(
    requests: Sequence[Request],
    accounts: Mapping[UUID, AccountState],
    opened: Set[UUID],
    waiting: dict[UUID, list[Waiting]],
    *,
    now: datetime,
    policy: Policy,
) -> Books:
    """The accounts with all that the requests, and those that waited for an account, name beside them."""
    stored = [w.request for of_merchant in waiting.values() for w in of_merchant]
    by_request = {
        id(request): movement_of(request, policy) for request in (*requests, *stored) if moves(request.command)
    }
    movements = by_request.values()
    claimed = _look_up({movement.reference for movement in movements} | _targets(movements))
    books = Books(
        now=now,
        accounts={merchant: account for merchant, account in accounts.items() if merchant not in opened},
        opening={merchant: account for merchant, account in accounts.items() if merchant in opened},
        claimed=claimed,
        waiting=waiting,
        movements=by_request,
    )
    _load_aimed_at(books, accounts.values(), [claimed[target] for target in _targets(movements) if target in claimed])
    books.recorded = recorded_rows(books)
    return books


def _targets(movements: Iterable[Movement]) -> set[Reference]:
    """What the movements aim at."""
    return {movement.terms.target for movement in movements if movement.terms.target is not None}


def _load_aimed_at(books: Books, accounts: Collection[AccountState], targets: Sequence[Claimed]) -> None:
    """Lots and holds: the open ones within reach, and those that the batch's targets took from, opened or placed."""
    lots = {lot_id for target in targets for lot_id, _ in target.allocations}
    ids = {target.transaction_id for target in targets}
    attach(accounts, lots=lots | ids, holds=ids, burnt=burnt_at_most(accounts, books.movements.values(), now=books.now))
    if ids:
        books.reversed = _sum_reversed(ids)


def _sum_reversed(ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many credits of each of these transactions were reversed."""
    spoken = dialect.current()
    sql = (
        "SELECT target_id, sum(amount) FROM credit_transactions WHERE target_id IN "
        f"(SELECT {spoken.column('id')} FROM {spoken.source(KEY)}) AND kind = %s AND status = %s GROUP BY target_id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*dialect.recordset(KEY, zip(ids)), Kind.REVERSE, Status.POSTED])
        return {spoken.uuid(target): int(amount) for target, amount in cursor.fetchall()}


def _insert_accounts(requests: Iterable[Request]) -> set[UUID]:
    """Insert the accounts that are not there yet; the ids of the merchants whose account is new."""
    first = _first_openings(requests)
    if not first:
        return set()
    now = dialect.current().clock()
    rows = [_new_account(*first[merchant_id], now) for merchant_id in sorted(first)]
    sql = insert("credit_accounts", NEW_ACCOUNT, on_conflict="(merchant_id) DO NOTHING RETURNING merchant_id")
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(NEW_ACCOUNT, rows_of_mappings(rows, NEW_ACCOUNT)))
        return {dialect.current().uuid(row[0]) for row in cursor.fetchall()}


def _first_openings(requests: Iterable[Request]) -> dict[UUID, tuple[OpenAccount, str]]:
    """By merchant, the first command that opens the account, with its correlation id."""
    first: dict[UUID, tuple[OpenAccount, str]] = {}
    for request in requests:
        if isinstance(request.command, OpenAccount):
            first.setdefault(request.command.merchant_id, (request.command, request.correlation_id))
    return first


def _new_account(command: OpenAccount, correlation_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "merchant_id": command.merchant_id,
        "platform_name": command.platform_name,
        "platform_shop_id": command.platform_shop_id,
        "shop_domain": command.shop_domain,
        "correlation_id": correlation_id,
        "created_at": now,
        "updated_at": now,
    }


def _accounts(merchants: Set[UUID], *, lock: str) -> dict[UUID, AccountState]:
    if not merchants:
        return {}
    spoken = dialect.current()
    sql = (
        f"SELECT {', '.join(ACCOUNT)} FROM credit_accounts WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)}) ORDER BY merchant_id {lock}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(MERCHANT, zip(merchants)))
        states = account_states(cursor.fetchall())
    return {state.merchant_id: state for state in states}


def _look_up(references: set[Reference]) -> dict[Reference, Claimed]:
    """The transactions that hold these references; a declined one with its retry, if it was retried."""
    if not references:
        return {}
    spoken = dialect.current()
    columns = ", ".join(f"t.{name}" for name in CLAIMED)
    found = spoken.each_found("credit_transactions", REFERENCE)
    sql = f"SELECT {columns}, {spoken.retried_by('t')} FROM {found}"
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(REFERENCE, references))
        return {(row[0], row[1]): _claimed(row[2:]) for row in cursor.fetchall()}


def _claimed(row: Sequence[Any]) -> Claimed:
    id_, merchant_id, kind, operation, status, amount, stated, balance, reason, target_id, allocations, retry = row
    spoken = dialect.current()
    return Claimed(
        transaction_id=spoken.uuid(id_),
        merchant_id=spoken.uuid(merchant_id),
        kind=Kind(kind),
        operation=Operation(operation),
        status=Status(status),
        amount=amount,
        stated_amount=stated,
        balance=balance,
        reason=reason or None,
        target_id=target_id and spoken.uuid(target_id),
        allocations=allocations_of(allocations),
        retried_by=retry and spoken.uuid(retry),
    )
