"""The books as SQL sees them: how much is applied, how much is told, and whether all that was sent is there."""

from collections import Counter
from types import TracebackType
from typing import Any, Self

import psycopg2

from bench.row import Wrong
from bench.window import Moment, Window

# Every account's sequence counts its posted transactions: 1,000 rows to read, however many were posted.
PROGRESS = "SELECT extract(epoch FROM clock_timestamp())::float8, sum(sequence)::int8 FROM credit_accounts"
OUTBOX = "credit_outbox JOIN credit_outbox_batches batch ON batch.id = batch_id"
TOLD = f"SELECT count(*) FROM {OUTBOX} WHERE published_at > to_timestamp(%s) AND published_at <= to_timestamp(%s)"
UNTOLD = f"SELECT count(*) FROM {OUTBOX} WHERE published_at IS NULL"
APPLIED = "SELECT count(*) FROM credit_transactions WHERE status = 'posted' AND kind = 'consume'"
DECIDED = "SELECT sum(rows)::int8, count(*) FROM credit_accounts"
BY_KIND = "SELECT reference_type || ' ' || status, count(*) FROM credit_transactions GROUP BY 1"
LEFT_BEHIND = "SELECT (SELECT count(*) FROM credit_parked), (SELECT count(*) FROM credit_waiting)"


class Books:
    """One connection to one database of the service, which is only read."""

    def __init__(self, database_url: str) -> None:
        self._connection = psycopg2.connect(database_url)
        self._connection.autocommit = True
        self._at_first = self._row(PROGRESS)[1]
        self._consumed_at_first = self._row(APPLIED)[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def progress(self) -> tuple[Moment, int]:
        """The database's clock, and how many transactions are committed since this object was made."""
        moment, posted = self._row(PROGRESS)
        return moment, posted - self._at_first

    def told(self, window: Window) -> Window:
        """How many events the broker confirmed in the same window."""
        (told,) = self._row(TOLD, [window.since, window.until])
        return Window(window.since, window.until, told)

    def everything_is_told(self) -> bool:
        """Whether no event is left to be published."""
        return self.untold() == 0

    def untold(self) -> int:
        """How many rows of the outbox are still to be published."""
        return int(self._row(UNTOLD)[0])

    def decided(self) -> tuple[int, int]:
        """How many requests have a row, posted or declined, whoever sent them; and how many accounts are open."""
        rows, accounts = self._row(DECIDED)
        return rows, accounts

    def by_kind(self) -> Counter[str]:
        """How many rows there are by reference type and status, such as "match declined". Reads every row."""
        with self._connection.cursor() as cursor:
            cursor.execute(BY_KIND)
            return Counter(dict(cursor.fetchall()))

    def check_kinds(self, *, sent: Counter[str]) -> None:
        """Raise Wrong unless all became what it must become, by kind as in by_kind, and nothing is parked or waits."""
        found, left_behind = self.by_kind(), self._row(LEFT_BEHIND)
        if found != sent or any(left_behind):
            raise Wrong(f"sent {dict(sent)}: found {dict(found)}; parked and waiting: {left_behind}")

    def check(self, *, sent: int) -> None:
        """Raise Wrong unless what was sent is applied, once, and nothing is parked or waits."""
        applied = self._row(APPLIED)[0] - self._consumed_at_first
        parked, waiting = self._row(LEFT_BEHIND)
        if (applied, parked, waiting) != (sent, 0, 0):
            raise Wrong(f"{sent} sent: {applied} applied, {parked} parked, {waiting} waiting")

    def _row(self, statement: str, values: Any = None) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()
