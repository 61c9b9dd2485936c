"""python -m tests.chaos [--seed N] [--minutes M] [--broker rabbitmq|redis]: one run, told as it goes; its report."""

import argparse
import random
import sys
import time

from tests.chaos.faults import FAULTS
from tests.chaos.report import as_text
from tests.chaos.run import Plan, run
from tests.servers import postgresql, rabbitmq, redis
from tests.servers.install import require

LONGEST_AWAY_S = 60.0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--broker", choices=("rabbitmq", "redis"), default="rabbitmq")
    parser.add_argument("--per-second", type=int, default=150, help="messages a second")
    parser.add_argument(
        "--away", type=float, default=15.0, help=f"seconds; {LONGEST_AWAY_S:.0f} for what is out of reach"
    )
    parser.add_argument("--fault", default="", help="only those whose name holds this")
    return parser.parse_args()


def main() -> int:
    asked = parse()
    require([postgresql.PACKAGE, rabbitmq.PACKAGE, redis.PACKAGE])
    faults = [fault for fault in FAULTS if asked.fault in fault.name]
    if not faults:
        sys.exit(f"make chaos: no fault named {asked.fault!r}; there are: {', '.join(fault.name for fault in FAULTS)}")
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
        sys.stdout.flush()

    say(f"seed {asked.seed}, {asked.minutes:g} minutes, {asked.broker}")
    plan = Plan(
        seed=asked.seed,
        seconds=asked.minutes * 60,
        broker=asked.broker,
        per_second=asked.per_second,
        away_s=asked.away,
        each_alone=True,
        faults=faults,
    )
    report = run(plan, say=say)
    sys.stdout.write(as_text(report))
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
