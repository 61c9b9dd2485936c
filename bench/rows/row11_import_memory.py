"""Row import-memory: that moving in takes no more memory for many rows than for few."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bench.predecessor import move_in, tables
from bench.row import Pair, Row
from bench.stand import Stand

ROWS = 200_000


def turn(stand: Stand, scale: float) -> Pair:
    """The same merchants with all of their rows, and with a tenth."""
    peaks = []
    for rows in (round(ROWS * scale), round(ROWS * scale / 10)):
        with TemporaryDirectory() as folder:
            peaks.append(move_in(stand, tables(Path(folder), rows=rows)).peak_mb)
    return Pair(peaks[0], peaks[1])


row = Row(
    number="import-memory",
    what="the peak of `manage.py import_predecessor`, 200,000 rows",
    against="the same with a tenth of the rows",
    unit="MB",
    turn=turn,
)
