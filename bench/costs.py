"""python -m bench.costs: what a message of row 1 costs each program of CPU time, with Celery's no-op beside it.

With --items, what an item of row 5 costs.

Rates waver with whatever else the machine does; CPU time a message does so far less: steer by that.
"""

import argparse
import sys
from collections.abc import Mapping

from bench.backlog import many, matches
from bench.drain import drain
from bench.meter import Meter
from bench.noop import drain_noop
from bench.stand import Stand

MANY = "credits.consume_many"


def table(title: str, per_second: float, costs: Mapping[str, float]) -> str:
    """One side's figures."""
    lines = [f"{name:>20} {microseconds:7.0f}" for name, microseconds in costs.items()]
    total = f"{'together':>20} {sum(costs.values()):7.0f} µs of CPU time each"
    return "\n".join([f"{title}: {per_second:,.0f}/s", *lines, total, "", ""])


def main() -> None:
    """Measure as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs", description=__doc__)
    parser.add_argument("--messages", type=int, default=24_000)
    parser.add_argument("--items", type=int, help="that each message brings by consume_many; no no-op is measured then")
    parser.add_argument("--without-noop", action="store_true", help="leave Celery's no-op out")
    asked = parser.parse_args()
    with Stand() as stand:
        meter = Meter({"PostgreSQL": stand.postgresql.pid, "RabbitMQ": stand.rabbitmq.pid})
        if asked.items:
            calls = many(asked.messages, items=asked.items)
            drained = drain(stand, calls, task=MANY, applied_per_call=asked.items, meter=meter)
        else:
            drained = drain(stand, matches(asked.messages), meter=meter)
        sys.stdout.write(table("This service", drained.applied.per_second, meter.microseconds()))
        sys.stdout.flush()
        if not (asked.without_noop or asked.items):
            meter = Meter({"RabbitMQ": stand.rabbitmq.pid})
            window = drain_noop(stand, matches(asked.messages), meter=meter)
            sys.stdout.write(table("Celery's no-op", window.per_second, meter.microseconds()))


if __name__ == "__main__":
    main()
