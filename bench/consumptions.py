"""Posts plain consumptions, batch by batch, as somebody at the other end of the pipe (bench.consumer) asks for them.

Run by its path with any tree of this project on PYTHONPATH: it calls nothing that part 1 of the ledger did not have.
A line with a number posts so many batches and answers with the seconds that they took; an empty line ends it, once
the accounts' balances are what they must be.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid5

import django

django.setup()

from ledger.commands import Command, Consume, Grant, OpenAccount  # noqa: E402  (Django's tables are there only now)
from ledger.journal import post  # noqa: E402
from ledger.models import Account  # noqa: E402
from ledger.outcomes import Status  # noqa: E402
from ledger.requests import Request  # noqa: E402

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
CREDITS_A_LOT = 10**9
AT_ONCE = 5_000


def open_accounts(merchants: Sequence[UUID], *, lots: int) -> None:
    """An account for each merchant, with so many lots."""
    commands: list[Command] = []
    for merchant in merchants:
        shop = {"platform_shop_id": str(merchant), "shop_domain": f"{merchant}.example.com"}
        commands.append(OpenAccount(merchant_id=merchant, platform_name="shopify", **shop))
        for lot in range(lots):
            reference = {"reference_type": "goodwill", "reference_id": f"{merchant}/{lot}"}
            commands.append(Grant(merchant_id=merchant, amount=CREDITS_A_LOT, **reference))
    for start in range(0, len(commands), AT_ONCE):
        posted(commands[start : start + AT_ONCE])


def posted(commands: list[Command]) -> None:
    """Post commands as one batch; every one must be posted."""
    outcomes = post([Request(command, "bench") for command in commands])
    assert all(outcome.status is Status.POSTED for outcome in outcomes)


def consume(merchants: Sequence[UUID], numbers: Iterable[int]) -> None:
    """One batch, of one credit for each number, from the merchants in turn."""
    batch: list[Command] = []
    for number in numbers:
        merchant = merchants[number % len(merchants)]
        batch.append(Consume(merchant_id=merchant, amount=1, reference_type="job", reference_id=str(number)))
    posted(batch)


def parse() -> argparse.Namespace:
    """How many accounts, lots of each, and consumptions a batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000)
    parser.add_argument("--lots", type=int, default=3)
    parser.add_argument("--batch", type=int, default=500)
    return parser.parse_args()


def main() -> None:
    """Open the accounts, then do as asked."""
    asked = parse()
    merchants = [uuid5(NAMESPACE, str(number)) for number in range(asked.accounts)]
    open_accounts(merchants, lots=asked.lots)
    consumed = 0
    print("ready", flush=True)
    while line := sys.stdin.readline().strip():
        started = time.perf_counter()
        for _ in range(int(line)):
            consume(merchants, range(consumed, consumed + asked.batch))
            consumed += asked.batch
        print(time.perf_counter() - started, flush=True)
    left = sum(Account.objects.filter(merchant_id__in=merchants).values_list("balance", flat=True))
    assert left == asked.accounts * asked.lots * CREDITS_A_LOT - consumed, f"{left} credits are left"
    print("the books are right", flush=True)


if __name__ == "__main__":
    main()
