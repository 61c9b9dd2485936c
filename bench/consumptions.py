"""Posts plain consumptions, batch by batch, as somebody at the other end of the pipe asks for them.

Run by its path with any tree of this project on PYTHONPATH: it calls nothing that part 1 of the ledger did not have.
A line with a number posts so many batches and answers with the seconds that they took; an empty line ends it, once
the accounts' balances are what they must be.
"""

import sys
import time
from collections.abc import Iterator
from itertools import count
from uuid import UUID, uuid5

import django

django.setup()

from ledger.commands import Command, Consume, Grant, OpenAccount  # noqa: E402  (Django's tables are there only now)
from ledger.journal import post  # noqa: E402
from ledger.models import Account  # noqa: E402
from ledger.outcomes import Status  # noqa: E402
from ledger.requests import Request  # noqa: E402

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MERCHANTS = [uuid5(NAMESPACE, str(number)) for number in range(1_000)]
LOTS = 3
CREDITS_A_LOT = 10**9
BATCH = 500


def open_accounts() -> None:
    """An account for each merchant, with three lots."""
    commands: list[Command] = []
    for merchant in MERCHANTS:
        shop = {"platform_shop_id": str(merchant), "shop_domain": f"{merchant}.example.com"}
        commands.append(OpenAccount(merchant_id=merchant, platform_name="shopify", **shop))
        for lot in range(LOTS):
            reference = {"reference_type": "goodwill", "reference_id": f"{merchant}/{lot}"}
            commands.append(Grant(merchant_id=merchant, amount=CREDITS_A_LOT, **reference))
    posted(commands)


def posted(commands: list[Command]) -> None:
    """Post commands as one batch; every one must be posted."""
    outcomes = post([Request(command, "bench") for command in commands])
    assert all(outcome.status is Status.POSTED for outcome in outcomes)


def consume(numbers: Iterator[int]) -> None:
    """One batch, of one credit from each of 500 merchants in turn."""
    batch: list[Command] = []
    for _ in range(BATCH):
        number = next(numbers)
        merchant = MERCHANTS[number % len(MERCHANTS)]
        batch.append(Consume(merchant_id=merchant, amount=1, reference_type="job", reference_id=str(number)))
    posted(batch)


def main() -> None:
    """Open the accounts, then do as asked."""
    open_accounts()
    numbers = count()
    asked = 0
    print("ready", flush=True)
    while line := sys.stdin.readline().strip():
        batches = int(line)
        started = time.perf_counter()
        for _ in range(batches):
            consume(numbers)
        print(time.perf_counter() - started, flush=True)
        asked += batches * BATCH
    left = sum(Account.objects.values_list("balance", flat=True))
    assert left == len(MERCHANTS) * LOTS * CREDITS_A_LOT - asked, f"{left} credits are left"
    print("the books are right", flush=True)


if __name__ == "__main__":
    main()
