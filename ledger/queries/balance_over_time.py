"""An account's balance over time: a bounded number of points of its history, evenly spread over its sequence."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import dialect
from ledger.queries.moments import SEQUENCE
from ledger.queries.statement import moment_of, rows_of

POINTS = 60


@dataclass(frozen=True, slots=True)
class Point:
    """The balance from a moment on, in credits."""

    at: datetime
    balance: int


def balance_over_time(account_id: UUID, *, sequence: int) -> list[Point]:
    """POINTS at most, oldest first: the first and the newest transaction, and others between them.

    sequence is the newest's. One statement by the index of (account, sequence), whatever the length of the history.
    """
    spoken = dialect.current()
    sql = (
        "SELECT created_at, balance_after FROM credit_transactions WHERE account_id = %s "
        f"AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)}) ORDER BY sequence"
    )
    chosen = dialect.recordset(SEQUENCE, zip(_spread(sequence)))
    return [Point(moment_of(at), balance) for at, balance in rows_of(sql, [account_id.hex, *chosen])]


def _spread(sequence: int) -> list[int]:
    """1 to the sequence where these are few, else POINTS of them with even steps, both ends included."""
    if sequence <= POINTS:
        return list(range(1, sequence + 1))
    return [1 + (sequence - 1) * place // (POINTS - 1) for place in range(POINTS)]
