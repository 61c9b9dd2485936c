"""An account's balance over time: after each transaction where these are few, else at moments evenly spread in time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger import dialect
from ledger.queries.moments import SEQUENCE, Counted, sequences_before, standings_after
from ledger.queries.statement import moment_of, rows_of

POINTS = 60
JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Point:
    """The balance at a moment, in credits: after one transaction, or after all that were posted by then."""

    at: datetime
    balance: int


def balance_over_time(account: Counted) -> list[Point]:
    """POINTS at most, oldest first, the first transaction's and the newest's included.

    Few statements, each by an index, whatever the length of the history.
    """
    if account.sequence <= POINTS:
        return _posted(account, range(1, account.sequence + 1))
    first, newest = _posted(account, [1, account.sequence])
    step = (newest.at - first.at) / (POINTS - 1)
    between = [first.at + place * step for place in range(1, POINTS - 1)]
    sequences = sequences_before(account, [moment + JUST_AFTER for moment in between])
    stood = standings_after(account.id, set(sequences))
    return [first, *(Point(at, stood[one].balance) for at, one in zip(between, sequences, strict=True)), newest]


def _posted(account: Counted, sequences: Collection[int]) -> list[Point]:
    """The balance after each of these transactions."""
    spoken = dialect.current()
    sql = (
        "SELECT created_at, balance_after FROM credit_transactions WHERE account_id = %s "
        f"AND sequence IN (SELECT {spoken.column('sequence')} FROM {spoken.source(SEQUENCE)}) ORDER BY sequence"
    )
    rows = rows_of(sql, [account.id.hex, *dialect.recordset(SEQUENCE, zip(sequences))])
    return [Point(moment_of(at), balance) for at, balance in rows]
