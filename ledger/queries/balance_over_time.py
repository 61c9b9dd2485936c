"""An account's balance over time: after each transaction where these are few, else at moments spread over the time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger import dialect
from ledger.queries.moments import SEQUENCE, Counted, sequences_before, standings_after
from ledger.queries.statement import moment_of, rows_of

POINTS = 60
LOOKED_THROUGH = 10_000  # newest transactions; a read of that many, each on a page of its own, takes 10 ms
JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """The balance at a moment, in credits: after one transaction, or after all that were posted by then."""

    at: datetime
    balance: int


def balance_over_time(account: Counted) -> list[Point]:
    """POINTS and two at most, oldest first, the first transaction's and the newest's included.

    Where there are more transactions, the points are evenly spread in time, and two are added that would be missed in
    between: the lowest and the highest balance of the newest LOOKED_THROUGH transactions. Few statements, each by an
    index, whatever the length of the history.
    """
    if account.sequence <= POINTS:
        return _posted(account, range(1, account.sequence + 1))
    first, newest = _posted(account, [1, account.sequence])
    step = (newest.at - first.at) / (POINTS - 1)
    between = [first.at + place * step for place in range(1, POINTS - 1)]
    sequences = sequences_before(account, [moment + JUST_AFTER for moment in between])
    stood = standings_after(account.id, set(sequences))
    spread = [Point(at, stood[one].balance) for at, one in zip(between, sequences, strict=True)]
    balances = {point.balance for point in (first, *spread, newest)}
    missed = [point for point in _extremes(account) if point.balance not in balances]
    return [first, *sorted([*missed, *spread, newest], key=lambda point: point.at)]


def _extremes(account: Counted) -> list[Point]:
    """The lowest balance and the highest one of the newest LOOKED_THROUGH transactions."""
    sql = (
        "WITH posted AS (SELECT created_at, balance_after, sequence FROM credit_transactions "
        "WHERE account_id = %s AND sequence > %s AND sequence <= %s), "
        "lowest AS (SELECT * FROM posted ORDER BY balance_after, sequence LIMIT 1), "
        "highest AS (SELECT * FROM posted ORDER BY balance_after DESC, sequence LIMIT 1) "
        "SELECT created_at, balance_after FROM lowest UNION ALL SELECT created_at, balance_after FROM highest"
    )
    rows = rows_of(sql, [account.id.hex, account.sequence - LOOKED_THROUGH, account.sequence])
    return [Point(moment_of(at), balance) for at, balance in rows]


def _posted(account: Counted, sequences: Collection[int]) -> list[Point]:
    """The balance after each of these transactions."""
    spoken = dialect.current()
    sql = (
        "SELECT created_at, balance_after FROM credit_transactions WHERE account_id = %s "
        f"AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)}) ORDER BY sequence"
    )
    rows = rows_of(sql, [account.id.hex, *dialect.recordset(SEQUENCE, zip(sequences))])
    return [Point(moment_of(at), balance) for at, balance in rows]
