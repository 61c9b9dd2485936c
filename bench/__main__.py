"""python -m bench: measures every row, or some, on private servers, and writes each into bench/RESULTS.md at once.

A quick look (--scale below 1, or fewer turns than a row is worth) is printed and not written down.
"""

import argparse
import sys
from collections.abc import Sequence

from bench import results
from bench.row import Result, Row, Wrong
from bench.rows import all_rows
from bench.stand import Stand
from tests.servers.install import CannotInstall, require
from tests.servers.postgresql import PACKAGE as POSTGRESQL
from tests.servers.rabbitmq import PACKAGE as RABBITMQ

TURNS = 5


def measure(row: Row, stand: Stand, *, turns: int, scale: float) -> Result:
    """Measure a row turn by turn. Raises Wrong where a turn does not count."""
    results.say(f"{row.number}: {row.what}\n   against {row.against}")
    pairs = []
    for number in range(1, min(turns, row.most_turns) + 1):
        pairs.append(row.turn(stand, scale))
        results.say_turn(number, pairs[-1])
    result = Result(row, pairs)
    results.say_result(result)
    return result


def parse(arguments: Sequence[str], numbers: Sequence[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--row", choices=numbers, action="append", help="measure this row alone; more than once: those")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, such as 0.2")
    parser.add_argument("--turns", type=int, default=TURNS, help="how often both figures of a row are measured")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; 0, or 1 where a measurement does not count."""
    rows = {row.number: row for row in all_rows()}
    asked = parse(arguments, list(rows))
    chosen = [rows[number] for number in asked.row or rows]
    try:
        require([POSTGRESQL, RABBITMQ])
        with Stand() as stand:
            for row in chosen:
                result = measure(row, stand, turns=asked.turns, scale=asked.scale)
                if asked.scale >= 1 and asked.turns >= min(TURNS, row.most_turns):
                    results.write(result, order=list(rows), turns=max(asked.turns, TURNS))
    except (CannotInstall, Wrong) as wrong:
        notes = getattr(wrong, "__notes__", [])
        sys.stderr.write("\n".join([f"bench: {wrong}", *notes, ""]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
