"""An account's lots: the open ones as they burn, the closed ones newest first, and what expires next."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import dialect
from ledger.dialect import KEY
from ledger.queries.balance import AccountBalance
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.due import with_due
from ledger.queries.prepared import rows_prepared
from ledger.queries.statement import moment_of, rows_of, uuid_of
from ledger.rules.lots import Lot
from ledger.states import LOT, lots_of_rows

_LOTS = f"SELECT {', '.join(LOT)} FROM credit_lots WHERE account_id = %s"
_NEXT = (
    "SELECT expires_at, sum(remaining) FROM credit_lots WHERE account_id = %s AND is_open AND NOT pending "
    "AND expires_at IS NOT NULL GROUP BY expires_at ORDER BY expires_at LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Expiring:
    """So many credits expire at that moment, if nobody spends them before."""

    credits: int
    expires_at: datetime


@asked_again_if_lost
def expiring_next(account: AccountBalance) -> Expiring | None:
    """What expires next, of all open lots that share the earliest moment; None where nothing ever does."""
    if not account.is_watched:
        return None
    if account.is_overdue:
        return _earliest(_with_due(account))
    rows = rows_prepared(_NEXT, [account.id.hex])
    return Expiring(int(rows[0][1]), moment_of(rows[0][0])) if rows else None


@asked_again_if_lost
def open_lots(account: AccountBalance) -> list[dict[str, Any]]:
    """Every lot of which something is left, as it burns, then those that become effective later.

    By the contract's names, with what the transactions that claimed their references say of them.
    """
    if account.is_overdue:
        lots = [lot for lot in _with_due(account) if lot.is_open]
    else:
        lots = lots_of_rows(rows_of(f"{_LOTS} AND is_open", [account.id.hex]))
    return _described(sorted(lots, key=_next_first))


@asked_again_if_lost
def closed_lots(account: AccountBalance, *, before: UUID, limit: int) -> list[dict[str, Any]]:
    """The lots of which nothing is left, or that came to nothing, with smaller ids than before, newest first."""
    closed_by_time = [lot for lot in _with_due(account) if not lot.is_open] if account.is_overdue else []
    sql = f"{_LOTS} AND NOT is_open AND id < %s ORDER BY id DESC LIMIT {limit}"
    stored = lots_of_rows(rows_of(sql, [account.id.hex, before.hex]))
    lots = {lot.id: lot for lot in (*stored, *closed_by_time) if lot.id < before}
    return _described(sorted(lots.values(), key=lambda lot: lot.id, reverse=True)[:limit])


def _described(lots: Collection[Lot]) -> list[dict[str, Any]]:
    spoken = dialect.current()
    sql = (
        "SELECT id, description, created_at FROM credit_transactions WHERE id IN "
        f"(SELECT {spoken.column('id')} FROM {spoken.source(KEY)})"
    )
    rows = rows_of(sql, dialect.recordset(KEY, ((lot.id,) for lot in lots)))
    said = {uuid_of(id_): (description, moment_of(created_at)) for id_, description, created_at in rows}
    return [_named(lot, *said[lot.id]) for lot in lots]


def _named(lot: Lot, description: str, created_at: datetime) -> dict[str, Any]:
    return {
        "id": lot.id,
        "status": _status(lot),
        "category": lot.category,
        "priority": lot.priority,
        "amount": lot.amount,
        "remaining": lot.remaining,
        "held": lot.held,
        "effective_at": lot.effective_at,
        "expires_at": lot.expires_at,
        "reference_type": lot.reference_type,
        "reference_id": lot.reference_id,
        "description": description,
        "created_at": created_at,
    }


def _next_first(lot: Lot) -> tuple[Any, ...]:
    return (True, lot.effective_at) if lot.pending else (False, lot.burns_before())


def _status(lot: Lot) -> str:
    if lot.is_open:
        return "pending" if lot.pending else "open"
    return "closed" if lot.sequence is not None else "void"


def _with_due(account: AccountBalance) -> Iterable[Lot]:
    state, _ = with_due(account.merchant_id)
    return state.lots


def _earliest(lots: Iterable[Lot]) -> Expiring | None:
    expiring = [(lot.expires_at, lot.remaining) for lot in lots if lot.expires_at is not None and lot.remaining]
    if not expiring:
        return None
    earliest = min(expires_at for expires_at, _ in expiring)
    return Expiring(sum(remaining for expires_at, remaining in expiring if expires_at == earliest), earliest)
