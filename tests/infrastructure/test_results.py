"""What the benchmarks' table and its picture say of a ratio."""

from datetime import date

import pytest

from bench import results
from bench.picture import Bar, bars, draw
from bench.row import Pair, Result, Row


def row(**wanted: float) -> Row:
    return Row(number="7", what="this", against="that", unit="/s", turn=lambda *_: Pair(1.0, 1.0), **wanted)


@pytest.mark.parametrize(
    ("wanted", "ratio", "judged"),
    [
        ({"at_least": 2.5}, 2.5, "at least 2.5: met"),
        ({"at_least": 2.5}, 2.49, "at least 2.5: short"),
        ({"at_most": 1.1}, 1.1, "at most 1.1: met"),
        ({"at_most": 1.1}, 1.11, "at most 1.1: short"),
        ({}, 0.5, ""),
    ],
)
def test_a_ratio_is_held_against_what_is_wanted(wanted, ratio, judged):
    assert row(**wanted).judged(ratio) == judged


def test_the_picture_shows_what_the_table_says():
    pairs = [Pair(400.0, 100.0), Pair(500.0, 100.0), Pair(300.0, 100.0)]
    lines = [results.line_of(Result(each, pairs), on=date(2026, 11, 27)) for each in (row(at_least=5), row())]

    assert bars(lines) == [Bar("7", 4.0, 5.0, "short"), Bar("7", 4.0, None, "")]
    assert draw(lines).count("<rect x=") == 2
