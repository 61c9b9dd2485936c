"""An account's holds: the open ones, the first to run out first, and the resolved ones, newest first."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.queries.balance import AccountBalance
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.due import with_due
from ledger.queries.statement import moment_of, rows_of, uuid_of

_COLUMNS = (
    "id", "amount", "captured", "status", "expires_at", "resolved_at", "reference_type", "reference_id", "lots",
    "description", "created_at",
)  # fmt: skip
_HOLDS = (
    "SELECT h.id, h.amount, h.captured, h.status, h.expires_at, h.resolved_at, h.reference_type, h.reference_id, "
    "h.took, t.description, t.created_at FROM credit_holds h JOIN credit_transactions t ON t.id = h.id "
    "WHERE h.account_id = %s"
)


@asked_again_if_lost
def open_holds(account: AccountBalance) -> list[dict[str, Any]]:
    """Every open hold, by the contract's names, the first to run out first."""
    ran_out = _ran_out(account)
    rows = rows_of(f"{_HOLDS} AND h.status = 'open' ORDER BY h.expires_at, h.id", [account.id.hex])
    return [hold for hold in map(_hold, rows) if hold["id"] not in ran_out]


@asked_again_if_lost
def resolved_holds(account: AccountBalance, *, before: UUID, limit: int) -> list[dict[str, Any]]:
    """The captured, released and expired holds whose ids are smaller than before, newest first, `limit` at most."""
    ran_out = _ran_out(account)
    due = [hold for hold in _due(account, ran_out) if hold["id"] < before]
    sql = f"{_HOLDS} AND h.status <> 'open' AND h.id < %s ORDER BY h.id DESC LIMIT {limit}"
    stored = map(_hold, rows_of(sql, [account.id.hex, before.hex]))
    holds = {hold["id"]: hold for hold in (*due, *stored)}
    return sorted(holds.values(), key=lambda hold: hold["id"], reverse=True)[:limit]


def _due(account: AccountBalance, ran_out: dict[UUID, datetime]) -> list[dict[str, Any]]:
    """The holds that have run out and are not posted so yet."""
    if not ran_out:
        return []
    still_open = map(_hold, rows_of(f"{_HOLDS} AND h.status = 'open'", [account.id.hex]))
    return [
        {**hold, "status": "expired", "resolved_at": ran_out[hold["id"]]}
        for hold in still_open
        if hold["id"] in ran_out
    ]


def _ran_out(account: AccountBalance) -> dict[UUID, datetime]:
    """When holds ran out of which nobody has posted it yet."""
    if not account.is_overdue:
        return {}
    _, planned = with_due(account.merchant_id)
    return {hold.id: hold.resolved_at for hold in planned.holds.values() if hold.resolved_at is not None}


def _hold(row: tuple[Any, ...]) -> dict[str, Any]:
    hold = dict(zip(_COLUMNS, row, strict=True))
    hold["id"] = uuid_of(hold["id"])
    hold["lots"] = [{"id": lot_id, "amount": part} for lot_id, part in json.loads(hold["lots"])]
    for name in ("expires_at", "resolved_at", "created_at"):
        hold[name] = hold[name] and moment_of(hold[name])
    return hold
