"""Sources: the predecessor's tables as CSV, out of files or out of its own database, line by line."""

import csv
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2

from ledger.predecessor.columns import ACCOUNTS, TRANSACTIONS, columns, names

csv.field_size_limit(sys.maxsize)


def read_table(table: str, file: Path) -> Iterator[list[str]]:
    """The rows of a table's CSV as COPY … WITH (FORMAT csv, HEADER) writes it, each in the order of columns(table).

    Raises ValueError where the header is not the table's or a line has other cells than the header.
    """
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        try:
            header = next(rows, [])
            ours = names(table, header)
            places = [ours.index(name) if name in ours else None for name in columns(table)]
            for row in rows:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} cells where the header has {len(header)}")
                yield ["" if place is None else row[place] for place in places]
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{file}, line {rows.line_num}: {error}") from error


def copy_tables(url: str, folder: Path) -> dict[str, Path]:
    """Copy both tables of a PostgreSQL database, as of one moment, into CSV files. Raises psycopg2.Error."""
    files = {table: folder / f"{table}.csv" for table in (ACCOUNTS, TRANSACTIONS)}
    with closing(psycopg2.connect(url)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            for table, file in files.items():
                with file.open("wb") as written:
                    cursor.copy_expert(f"COPY {table} TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')", written)
    return files
