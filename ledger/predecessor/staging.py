"""Staging: both tables in a throw-away SQLite file, so that any number of rows can be read account by account."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from ledger.predecessor.columns import ACCOUNTS, TRANSACTIONS, Texts, columns, moment


class Staging:
    """The predecessor's rows as texts, transactions in the order of their times; what is staged is never changed."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # what is lost with this file is read again
            self._connection.execute(f"PRAGMA {pragma}")
        for table in (ACCOUNTS, TRANSACTIONS):
            fields = ", ".join(f"{name} TEXT" for name in columns(table))
            self._connection.execute(f"CREATE TABLE {table} (line INTEGER PRIMARY KEY, {fields}, at TEXT)")

    def close(self) -> None:
        self._connection.close()

    def take(self, table: str, rows: Iterable[list[str]]) -> Iterator[int]:
        """Take rows in as columns(table) has them; says again and again how many are in."""
        place = columns(table).index("created_at")
        marks = ", ".join("?" * (len(columns(table)) + 1))
        sql = f"INSERT INTO {table} ({', '.join(columns(table))}, at) VALUES ({marks})"  # noqa: S608  (our own names)
        self._connection.execute("BEGIN")
        for count, row in enumerate(rows, 1):
            self._connection.execute(sql, (*row, _sortable(row[place])))
            if count % 10_000 == 0:
                yield count
        self._connection.execute("COMMIT")

    def arrange(self) -> None:
        """Make ready for reading, once all is in. Raises ValueError where two accounts have one id."""
        self._connection.execute(f"CREATE INDEX of_account ON {TRANSACTIONS} (account_id, at, line)")
        try:
            self._connection.execute(f"CREATE UNIQUE INDEX by_id ON {ACCOUNTS} (id)")
        except sqlite3.IntegrityError:
            raise ValueError(f"{ACCOUNTS}: two rows have the same id") from None

    def count(self, table: str) -> int:
        """How many rows a table has."""
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(count)

    def accounts(self) -> Iterator[Texts]:
        """The accounts, the first opened first."""
        for row in self._connection.execute(f"SELECT * FROM {ACCOUNTS} ORDER BY at, line"):  # noqa: S608
            yield dict(row)

    def transactions(self, account_id: str) -> Iterator[Texts]:
        """The transactions of the account with that id as it is spelt, the oldest first."""
        sql = f"SELECT * FROM {TRANSACTIONS} WHERE account_id = ? ORDER BY at, line"  # noqa: S608
        for row in self._connection.execute(sql, (account_id,)):
            yield dict(row)

    def without_account(self) -> Iterator[Texts]:
        """The transactions of accounts that are not there."""
        sql = f"SELECT * FROM {TRANSACTIONS} WHERE account_id NOT IN (SELECT id FROM {ACCOUNTS})"  # noqa: S608
        for row in self._connection.execute(sql):
            yield dict(row)


def _sortable(text: str) -> str:
    """A time in one notation, which sorts as times do; what can't be read is left to whoever reads the row."""
    try:
        return moment(text).isoformat(timespec="microseconds")
    except ValueError:
        return text
