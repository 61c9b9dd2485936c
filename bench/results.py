"""The results: what is printed while rows are measured, and the table of bench/RESULTS.md."""

import os
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from bench import picture
from bench.row import Pair, Result

FILE = Path(__file__).with_name("RESULTS.md")
HEAD = """# What was measured

`make bench` on {cores} cores, which also run PostgreSQL (fsync and synchronous_commit on), RabbitMQ and whatever makes
the load: trust the ratios, not the absolutes. Figure and reference are measured in turn, A B A B …; each is the median
of {turns} turns, the ratio is the median of the turns' ratios, and beside it stand the lowest and the highest (14 and
steady, which take long, are one turn: memory at the end against memory soon after the start, the worst process; 6 and
13, of ten million transactions, are one turn too). After
each measurement the books are checked: what was sent is applied, no queue holds anything, `manage.py audit` exits 0.
Rows of different days are not of the same weather, or the same code.

![The ratio of each row; the mark is what is wanted of it](RESULTS.svg)
{beside}
| # | what | figure | reference | ratio | lowest to highest | wanted | against | on |
|---|---|---|---|---|---|---|---|---|
"""
BESIDE = {
    "LATENCY.svg": "[How long a message takes](LATENCY.svg), by percentiles: row 8's last turn.",
    "GROWTH.svg": "[What a consumption costs](GROWTH.svg) as one thing grows: `python -m bench.growing`.",
}
LINE = re.compile(r"^\| (?P<number>[\w-]+) \|.*$", re.MULTILINE)


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_turn(number: int, pair: Pair) -> None:
    """One turn's figures."""
    say(f"   turn {number}: {pair.figure:>9,.0f} against {pair.reference:>9,.0f}   ratio {pair.ratio:.2f}")


def say_result(result: Result) -> None:
    """A row's medians."""
    unit = result.row.unit
    figures = f"{result.figure:,.0f} {unit} against {result.reference:,.0f} {unit}: ratio {result.ratio:.2f}"
    say(f"   {figures}   {result.row.judged(result.ratio)}\n")


def line_of(result: Result, *, on: date) -> str:
    """A row as a line of the table, measured on a day."""
    row, (lowest, highest) = result.row, result.spread
    figures = f"{result.figure:,.0f} {row.unit} | {result.reference:,.0f} {row.unit} | {result.ratio:.2f}"
    wanted = row.judged(result.ratio)
    return (
        f"| {row.number} | {row.what} | {figures} | {lowest:.2f} to {highest:.2f} | {wanted} | {row.against} | {on} |"
    )


def write(result: Result, *, order: list[str], turns: int) -> None:
    """Write the table with a row as measured today; all others keep the line that they have."""
    before = {match["number"]: match[0] for match in LINE.finditer(FILE.read_text())} if FILE.exists() else {}
    lines = {**before, result.row.number: line_of(result, on=datetime.now(UTC).date())}
    table = [lines[number] for number in order if number in lines]
    picture.FILE.write_text(picture.draw(table))
    for name, drawn in result.pairs[-1].pictures.items():
        FILE.with_name(name).write_text(drawn)
    beside = "".join(f"{what}\n" for name, what in BESIDE.items() if FILE.with_name(name).exists())
    head = HEAD.format(cores=os.cpu_count(), turns=turns, beside=beside)
    FILE.write_text(head + "".join(f"{line}\n" for line in table))
