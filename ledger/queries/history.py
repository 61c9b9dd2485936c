"""An account's history: its posted transactions by their sequence, at the same cost wherever it is opened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.queries.connection import asked_again_if_lost
from ledger.queries.statement import moment_of, rows_of, uuid_of

SCANNED = 100_000  # rows that one look for what passes a filter reads; the next look goes on from there
_COLUMNS = (
    "id",
    "amount",
    "operation",
    "kind",
    "balance_before",
    "balance_after",
    "reference_type",
    "reference_id",
    "description",
    "metadata",
    "created_at",
)
_RANGE = (
    f"SELECT {', '.join(_COLUMNS)}, sequence FROM credit_transactions "
    "WHERE account_id = %s AND sequence > %s AND sequence <= %s"
)
_POSTED_BETWEEN = f"{_RANGE} ORDER BY sequence DESC"
_OLDEST_FIRST = f"{_RANGE} ORDER BY sequence"


@asked_again_if_lost
def posted_between(account_id: UUID, *, above: int, up_to: int) -> list[dict[str, Any]]:
    """The account's posted transactions with above < sequence <= up_to, newest first, by the contract's names.

    Declined ones have no sequence and so are never among them. id is a UUID, created_at an aware datetime, metadata
    a mapping; amounts are whole credits.
    """
    return [_transaction(row) for row in rows_of(_POSTED_BETWEEN, [account_id.hex, above, up_to])]


@asked_again_if_lost
def posted_in_order(account_id: UUID, *, above: int, up_to: int) -> list[dict[str, Any]]:
    """The same, oldest first."""
    return [_transaction(row) for row in rows_of(_OLDEST_FIRST, [account_id.hex, above, up_to])]


@dataclass(frozen=True, slots=True)
class Found:
    """Transactions that pass a filter, newest first; older ones may follow below the sequence `rest`, 0 for none."""

    rows: list[dict[str, Any]]
    rest: int


@asked_again_if_lost
def posted_like(account_id: UUID, equal: Mapping[str, str], *, above: int, up_to: int, limit: int) -> Found:
    """Of the posted transactions with above < sequence <= up_to those whose columns equal these, `limit` at most.

    Reads SCANNED rows at most, so that no filter makes one answer dear, and no index for each filter makes every post
    dearer: what it found by then may be less than limit, or nothing.
    """
    floor = max(above, up_to - SCANNED)
    conditions = "".join(f" AND {column} = %s" for column in equal)
    sql = f"{_RANGE}{conditions} ORDER BY sequence DESC LIMIT {limit + 1}"
    rows = rows_of(sql, [account_id.hex, floor, up_to, *equal.values()])
    rest = rows[limit - 1][-1] - 1 if len(rows) > limit else floor
    return Found([_transaction(row) for row in rows[:limit]], rest if rest > above else 0)


def _transaction(row: tuple[Any, ...]) -> dict[str, Any]:
    transaction = dict(zip(_COLUMNS, row, strict=False))  # the sequence is for the page, not for the reader
    transaction["id"] = uuid_of(transaction["id"])
    transaction["metadata"] = json.loads(transaction["metadata"])
    transaction["created_at"] = moment_of(transaction["created_at"])
    return transaction
