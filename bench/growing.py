"""python -m bench.growing: what a consumption costs as accounts, lots, batches and history grow; draws GROWTH.svg.

Batches go straight to the journal, one process to one PostgreSQL, so a figure is µs from call to commit by
consumption, and the least of several stretches: what else the machine does only adds. After each, the accounts'
balances are checked, and `manage.py audit` exits 0.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.charts import Chart, draw
from bench.consumer import consumer
from bench.results import say
from bench.stand import TEMPLATE, Stand
from tests.servers.install import CannotInstall, require
from tests.servers.postgresql import PACKAGE

FILE = Path(__file__).with_name("GROWTH.svg")
CONSUMPTIONS, STRETCHES = 8_000, 3


@dataclass(frozen=True, slots=True)
class Setting:
    """How many accounts take turns, lots each has, consumptions a batch holds, and transactions were there before."""

    accounts: int = 1_000
    lots: int = 3
    batch: int = 1_000
    history: int = 0


USUAL = Setting()
SERIES: Mapping[str, Mapping[int, Setting]] = {
    "accounts that a batch of 1,000 is for": {n: replace(USUAL, accounts=n) for n in (1, 10, 100, 1_000)},
    "open lots of each of 100 accounts": {n: replace(USUAL, accounts=100, lots=n) for n in (3, 30, 300)},
    "consumptions a batch": {n: replace(USUAL, batch=n) for n in (1, 10, 100, 500, 1_000, 2_000)},
    "transactions in the table before": {n: replace(USUAL, history=n) for n in (0, 30_000, 300_000)},
}


def microseconds(stand: Stand, setting: Setting, *, consumptions: int) -> float:
    """What one consumption takes. Raises Wrong where the books are not right."""
    history = setting.history
    template = stand.template_with_history(history) if history else TEMPLATE
    arguments = ("--accounts", setting.accounts, "--lots", setting.lots, "--batch", setting.batch)
    batches = max(1, min(consumptions, 200 * setting.batch) // setting.batch)
    with stand.database(template=template) as url:
        environment = stand.environment(database_url=url, broker_url="memory://")
        with consumer(*map(str, arguments), environment=environment) as posting:
            posting.wait_until_ready()
            stretches = []
            for _ in range(STRETCHES):
                before = posting.seconds
                posting.post(batches)
                stretches.append(posting.seconds - before)
            posting.check()
        stand.run("manage.py", "audit", environment=environment)
    return min(stretches) * 1e6 / (batches * setting.batch)


def main() -> int:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.growing", description=__doc__)
    parser.add_argument("--consumptions", type=int, default=CONSUMPTIONS, help="of a stretch, less draws nothing")
    asked = parser.parse_args()
    try:
        require([PACKAGE])
    except CannotInstall as why:
        sys.stderr.write(f"bench.growing: {why}\n")
        return 1
    charts = []
    with Stand() as stand:
        for name, settings in SERIES.items():
            found = {n: microseconds(stand, each, consumptions=asked.consumptions) for n, each in settings.items()}
            say(f"{name}: " + ", ".join(f"{n:,}: {took:,.0f} µs" for n, took in found.items()))
            charts.append(Chart(name, "µs a consumption", [f"{n:,}" for n in found], {name: list(found.values())}))
    if asked.consumptions >= CONSUMPTIONS:
        FILE.write_text(draw("What a consumption costs as one thing grows and all else stays", charts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
