"""States: accounts with their open lots and holds, from rows to what the rules reason about."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import dialect
from ledger.dialect import BOOLEAN, INTEGER, JSON, KEY, MOMENT, TEXT, UUID_, Columns
from ledger.fields import Category
from ledger.rules.batch import Books, Recorded
from ledger.rules.holding import HoldState, HoldStatus
from ledger.rules.lots import Allocations, Lot, Lots
from ledger.rules.state import AccountState, Kind

ACCOUNT: Columns = {
    "id": UUID_,
    "merchant_id": UUID_,
    "platform_name": TEXT,
    "platform_shop_id": TEXT,
    "shop_domain": TEXT,
    "shop_changed_at": MOMENT,
    "balance": INTEGER,
    "held": INTEGER,
    "total_granted": INTEGER,
    "total_consumed": INTEGER,
    "total_expired": INTEGER,
    "sequence": INTEGER,
    "event_sequence": INTEGER,
    "rows": INTEGER,
    "head": TEXT,
    "armed": BOOLEAN,
    "frozen": BOOLEAN,
    "low_balance_threshold": INTEGER,
    "next_due_at": MOMENT,
    "updated_at": MOMENT,
}
LOT: Columns = {
    "id": UUID_,
    "account_id": UUID_,
    "reference_type": TEXT,
    "reference_id": TEXT,
    "category": TEXT,
    "priority": INTEGER,
    "effective_at": MOMENT,
    "expires_at": MOMENT,
    "amount": INTEGER,
    "remaining": INTEGER,
    "held": INTEGER,
    "sequence": INTEGER,
    "pending": BOOLEAN,
    "expiries": INTEGER,
    "warned": BOOLEAN,
    "correlation_id": TEXT,
}
HOLD: Columns = {
    "id": UUID_,
    "account_id": UUID_,
    "reference_type": TEXT,
    "reference_id": TEXT,
    "amount": INTEGER,
    "took": JSON,
    "expires_at": MOMENT,
    "status": TEXT,
    "captured": INTEGER,
    "resolved_at": MOMENT,
    "correlation_id": TEXT,
}
FIRST_LOTS = 2  # the one that burns, and the next where it runs out
# As Lot.burns_before has it, and the index credit_lots_burning.
BURNING = "priority, expires_at NULLS LAST, category DESC, effective_at, sequence"


def account_states(rows: Iterable[Sequence[Any]]) -> list[AccountState]:
    """The accounts of rows of ACCOUNT's columns, without lots and holds."""
    return [AccountState(**values) for values in _rows_of(ACCOUNT, rows)]


def attach(
    accounts: Iterable[AccountState],
    *,
    lots: Collection[UUID] = (),
    holds: Collection[UUID] = (),
    burnt: Mapping[UUID, int] = MappingProxyType({}),
) -> None:
    """Give accounts their open lots and holds, and those that are named besides, whether open or not.

    Those in burnt get no more lots than the first that can be burnt for so many credits. To be called under the
    accounts' locks, or in a snapshot.
    """
    by_id = {account.id: account for account in accounts}
    if not by_id:
        return
    first = _first_lots(burnt)
    for account_id, own in first.items():
        by_id[account_id].lots = Lots(own, are_all=False)
    others = by_id.keys() - first.keys()
    for account_id, own in _grouped(_lots(others, lots)).items():
        if account_id in others:
            by_id[account_id].lots = Lots(own)
    with_holds = [account.id for account in by_id.values() if account.held]
    if with_holds or holds:
        for hold in _holds(with_holds, holds):
            if hold.account_id in by_id:
                by_id[hold.account_id].holds[hold.id] = hold


def _grouped(lots: Iterable[Lot]) -> dict[UUID, list[Lot]]:
    grouped: dict[UUID, list[Lot]] = {}
    for lot in lots:
        grouped.setdefault(lot.account_id, []).append(lot)
    return grouped


def _first_lots(burnt: Mapping[UUID, int]) -> dict[UUID, list[Lot]]:
    """By account, the lots that burn first, where FIRST_LOTS of them have so many free or it has no more than that."""
    debited = [account_id for account_id in burnt if burnt[account_id]]
    if not debited:
        return {account_id: [] for account_id in burnt}
    sql = dialect.current().first_of_each(
        LOT, "credit_lots", key="account_id", where="is_open AND NOT pending", order=BURNING, limit=FIRST_LOTS
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(KEY, zip(debited)))
        found = _grouped(lots_of_rows(cursor.fetchall()))
    first = {account_id: found.get(account_id, []) for account_id in burnt}
    return {
        account_id: lots
        for account_id, lots in first.items()
        if len(lots) < FIRST_LOTS or sum(lot.free for lot in lots) >= burnt[account_id]
    }


def _lots(accounts: Collection[UUID], named: Collection[UUID]) -> list[Lot]:
    if not accounts and not named:
        return []
    return lots_of_rows(_open_or_named("credit_lots", LOT, is_open="is_open", accounts=accounts, named=named))


def lots_of_rows(rows: Iterable[Sequence[Any]]) -> list[Lot]:
    """The lots of rows of LOT's columns."""
    lots = []
    for values in _rows_of(LOT, rows):
        values["category"] = Category(values["category"])
        lots.append(Lot(**values))
    return lots


def _holds(accounts: Collection[UUID], named: Collection[UUID]) -> list[HoldState]:
    rows = _open_or_named("credit_holds", HOLD, is_open="status = 'open'", accounts=accounts, named=named)
    holds = []
    for values in _rows_of(HOLD, rows):
        values["status"] = HoldStatus(values["status"])
        values["took"] = allocations_of(values["took"])
        holds.append(HoldState(**values))
    return holds


def _open_or_named(
    table: str, columns: Columns, *, is_open: str, accounts: Collection[UUID], named: Collection[UUID]
) -> list[tuple[Any, ...]]:
    """The accounts' open rows and those named, each once, oldest first."""
    spoken = dialect.current()
    names = ", ".join(columns)
    keys = f"SELECT {spoken.column('id')} FROM {spoken.source(KEY)}"
    sql = f"SELECT {names} FROM {table} WHERE account_id IN ({keys}) AND {is_open}"
    parameters = dialect.recordset(KEY, zip(accounts))
    if named:
        sql += f" UNION SELECT {names} FROM {table} WHERE id IN ({keys})"
        parameters += dialect.recordset(KEY, zip(named))
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def recorded_rows(books: Books) -> dict[UUID, Recorded]:
    """By lot, the rows of credits that become effective by the books' time."""
    due = [
        lot.id
        for account in books.accounts.values()
        if account.is_due(books.now)
        for lot in account.lots
        if lot.pending and lot.effective_at <= max(books.now, account.updated_at)
    ]
    if not due:
        return {}
    spoken = dialect.current()
    sql = (
        "SELECT id, kind, description, metadata, actor FROM credit_transactions WHERE id IN "
        f"(SELECT {spoken.column('id')} FROM {spoken.source(KEY)})"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dialect.recordset(KEY, zip(due)))
        return {
            spoken.uuid(id_): Recorded(
                kind=Kind(kind), description=description, metadata=json.loads(metadata), actor=actor
            )
            for id_, kind, description, metadata, actor in cursor.fetchall()
        }


def allocations_of(stored: Any) -> Allocations:
    """Allocations as the rules have them, out of a JSON column as the driver gives it."""
    listed = json.loads(stored) if isinstance(stored, str) else stored
    return [(UUID(lot_id), part) for lot_id, part in listed]


def _rows_of(columns: Columns, rows: Iterable[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Each row's values by their names, as Python has them."""
    reads = dialect.current().reads
    read = {name: convert for name, type_ in columns.items() if (convert := reads.get(type_))}
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        for name, convert in read.items():
            if values[name] is not None:
                values[name] = convert(values[name])
        yield values
