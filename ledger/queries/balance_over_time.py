"""An account's balance over time: after each transaction where these are few, else at moments evenly spread in time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger import dialect
from ledger.queries.balance import AccountBalance
from ledger.queries.moments import SEQUENCE, standings_before
from ledger.queries.statement import moment_of, rows_of

POINTS = 60
JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """The balance at a moment, in credits, with all that was posted at it."""

    at: datetime
    balance: int


def balance_over_time(account: AccountBalance) -> list[Point]:
    """POINTS at most, oldest first, the first transaction's and the newest's included.

    A few statements by the index of (account, sequence), whatever the length of the history.
    """
    if account.sequence <= POINTS:
        return _posted(account, range(1, account.sequence + 1))
    first, newest = _posted(account, [1, account.sequence])
    step = (newest.at - first.at) / (POINTS - 1)
    between = [first.at + place * step for place in range(1, POINTS - 1)]
    stood = standings_before(account, [moment + JUST_AFTER for moment in between])
    return [first, *(Point(at, standing.balance) for at, standing in zip(between, stood, strict=True)), newest]


def _posted(account: AccountBalance, sequences: Collection[int]) -> list[Point]:
    """The balance after each of these transactions."""
    spoken = dialect.current()
    sql = (
        "SELECT created_at, balance_after FROM credit_transactions WHERE account_id = %s "
        f"AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)}) ORDER BY sequence"
    )
    rows = rows_of(sql, [account.id.hex, *dialect.recordset(SEQUENCE, zip(sequences))])
    return [Point(moment_of(at), balance) for at, balance in rows]
