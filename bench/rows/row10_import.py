"""Row import: how fast the predecessor's rows move in, against the same rows copied into a bare table."""

import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2

from bench.predecessor import TRANSACTION, Tables, move_in, tables
from bench.row import Pair, Row, Wrong
from bench.stand import Stand

ROWS = 200_000


def turn(stand: Stand, scale: float) -> Pair:
    """Both ways, one after the other."""
    with TemporaryDirectory() as folder:
        moved = tables(Path(folder), rows=round(ROWS * scale))
        return Pair(moved.rows / move_in(stand, moved).seconds, moved.rows / _copy(stand, moved))


def _copy(stand: Stand, copied: Tables) -> float:
    """The seconds that PostgreSQL takes to copy the rows as texts, with no index."""
    with stand.empty_database() as url, closing(psycopg2.connect(url)) as connection:
        begun = time.monotonic()
        with connection, connection.cursor() as cursor, copied.transactions.open() as rows:
            cursor.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in TRANSACTION)})")
            cursor.copy_expert("COPY bare FROM STDIN WITH (FORMAT csv, HEADER)", rows)
            cursor.execute("SELECT count(*) FROM bare")
            (count,) = cursor.fetchone() or (0,)
        if count != copied.rows:
            raise Wrong(f"{copied.rows} copied, {count} there")
        return time.monotonic() - begun


row = Row(
    number="import",
    what="the predecessor's transactions moved in, chained, with lots, by `manage.py import_predecessor`",
    against="the same file by COPY into a table of texts without index or constraint",
    unit="rows/s",
    turn=turn,
)
