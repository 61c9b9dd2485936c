"""python -m bench.feeder: a producer in a process of its own, so that what is measured does not wait for it.

BROKER_URL and DATABASE_URL say where. Prints, as one line of JSON, what it sent by kind, once all is confirmed.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kombu import Connection

from bench.backlog import fill, matches
from bench.books import Books
from bench.letters import COMMANDS, POSTED_MATCH, Letter, mix
from bench.window import FIRST_SHARE, LAST_SHARE
from tests.confirms import Unconfirmed

TASK = "credits.consume_match"
TICK_SECONDS = 0.05


@dataclass
class Fed:
    """What was sent, by what it must become; how much was decided meanwhile; how late the latest message left."""

    sent: Counter[str] = field(default_factory=Counter)
    decided_per_second: float = 0.0
    late_seconds: float = 0.0


class Feeder:
    """Sends letters over one connection, with at most tests.confirms.UNCONFIRMED of them unconfirmed."""

    def __init__(self, connection: Connection, letters: Iterator[Letter]) -> None:
        self._channel = connection.default_channel
        self._unconfirmed = Unconfirmed(connection)
        self._letters = letters
        self._count = 0
        self.fed = Fed()

    def steadily(self, *, per_second: float, seconds: float) -> None:
        """Send so many a second, evenly."""
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            behind = passed * per_second - self._count
            self.fed.late_seconds = max(self.fed.late_seconds, behind / per_second - TICK_SECONDS)
            self._send_up_to(round(passed * per_second))
            time.sleep(TICK_SECONDS)
        self._send_up_to(round(seconds * per_second))
        self._unconfirmed.drain()

    def ahead(self, books: Books, *, by: int, seconds: float) -> None:
        """For so long, send as many as are decided, so that a backlog of the same size is always there."""
        at_first, _ = books.decided()
        seen: list[tuple[float, int]] = []
        started = time.monotonic()
        while (passed := time.monotonic() - started) < seconds:
            decided = books.decided()[0] - at_first
            seen.append((passed, decided))
            self._send_up_to(decided + by)
            time.sleep(TICK_SECONDS)
        self._unconfirmed.drain()
        (since, first), (until, last) = (
            next(step for step in seen if step[0] >= seen[-1][0] * share) for share in (FIRST_SHARE, LAST_SHARE)
        )
        self.fed.decided_per_second = (last - first) / (until - since)

    def _send_up_to(self, count: int) -> None:
        for letter in islice(self._letters, max(0, count - self._count)):
            self._channel.basic_publish(
                letter.message, exchange=letter.exchange, routing_key=letter.routing_key, mandatory=True
            )
            self._unconfirmed.add()
            self.fed.sent[letter.becomes] += 1
            self._count += 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What is asked for: a share of a backlog of matches at once, or the mix ahead of the workers or steadily."""
    parser = argparse.ArgumentParser(prog="python -m bench.feeder", description=__doc__)
    ways = parser.add_subparsers(dest="way", required=True)
    backlog = ways.add_parser("backlog")
    backlog.add_argument("--count", type=int, required=True)
    backlog.add_argument("--first", type=int, required=True)
    backlog.add_argument("--step", type=int, required=True)
    ahead = ways.add_parser("ahead")
    ahead.add_argument("--by", type=int, required=True)
    steady = ways.add_parser("steady")
    steady.add_argument("--per-second", type=float, required=True)
    for way in (ahead, steady):
        way.add_argument("--name", required=True)
        way.add_argument("--seconds", type=float, required=True)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> Fed:
    """Send what is asked for."""
    asked, broker_url = parse(arguments), os.environ["BROKER_URL"]
    if asked.way == "backlog":
        calls = islice(matches(asked.count), asked.first, None, asked.step)
        return Fed(Counter({POSTED_MATCH: fill(broker_url, exchange=COMMANDS, task=TASK, calls=calls)}))
    with Connection(broker_url) as connection, Books(os.environ["DATABASE_URL"]) as books:
        feeder = Feeder(connection, mix(asked.name))
        if asked.way == "ahead":
            feeder.ahead(books, by=asked.by, seconds=asked.seconds)
        else:
            feeder.steadily(per_second=asked.per_second, seconds=asked.seconds)
        return feeder.fed


if __name__ == "__main__":
    print(json.dumps(vars(main(sys.argv[1:]))))
