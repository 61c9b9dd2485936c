"""The pace: how many transactions were posted in each of the last minutes, by their ids, which begin with the time."""

from datetime import datetime, timedelta
from uuid import UUID

from ledger import dialect
from ledger.dialect import INTEGER, UUID_, Columns
from ledger.queries.statement import rows_of

MINUTES = 60
COUNTED_UP_TO = 10_000  # a minute: a busy hour's counting must not be dear itself
RANGE: Columns = {"place": INTEGER, "low": UUID_, "high": UUID_}


def posted_per_minute(now: datetime) -> list[int]:
    """For each of the last MINUTES minutes, the oldest first, how many were posted, COUNTED_UP_TO at most."""
    spoken = dialect.current()
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    edges = [_first_id(begin + timedelta(minutes=place)) for place in range(MINUTES + 1)]
    low, high = spoken.column("low"), spoken.column("high")
    sql = (
        f"SELECT {spoken.column('place')}, (SELECT count(*) FROM (SELECT 1 FROM credit_transactions t "
        f"WHERE t.id >= {low} AND t.id < {high} AND t.status = 'posted' LIMIT {COUNTED_UP_TO}) counted) "
        f"FROM {spoken.source(RANGE)}"
    )
    rows = [(place, edges[place], edges[place + 1]) for place in range(MINUTES)]
    counts = dict(rows_of(sql, dialect.recordset(RANGE, rows)))
    return [counts[place] for place in range(MINUTES)]


def _first_id(moment: datetime) -> UUID:
    """The least id of version 7 that is made at a moment: 48 bits of milliseconds, the version, the variant."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
