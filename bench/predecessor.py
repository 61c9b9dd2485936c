"""The predecessor's tables at any size, and what it takes to move them in: seconds, and memory."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from bench.row import Wrong
from bench.stand import Stand
from creditsvc.environment import BASE_DIR

ACCOUNTS = 500
BOUGHT_EVERY = 100  # rows: a purchase of one credit less, then as many matches
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
ACCOUNT = (
    "id", "merchant_id", "platform_name", "platform_id", "platform_domain", "balance", "total_granted",
    "total_consumed", "created_at", "updated_at",
)  # fmt: skip
TRANSACTION = (
    "id", "account_id", "merchant_id", "amount", "operation", "balance_before", "balance_after", "reference_type",
    "reference_id", "description", "metadata", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables as CSV files, and how many transactions they hold."""

    accounts: Path
    transactions: Path
    rows: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What a move took."""

    seconds: float
    peak_mb: float


def tables(folder: Path, *, rows: int) -> Tables:
    """The tables of ACCOUNTS merchants whose rows follow one from another."""
    each = rows // ACCOUNTS
    made = Tables(folder / "accounts.csv", folder / "transactions.csv", each * ACCOUNTS)
    with made.accounts.open("w", newline="") as accounts, made.transactions.open("w", newline="") as transactions:
        of_accounts, of_transactions = csv.writer(accounts), csv.writer(transactions)
        of_accounts.writerow(ACCOUNT)
        of_transactions.writerow(TRANSACTION)
        for number in range(ACCOUNTS):
            balance = 0
            for row, balance in _rows(number, each):  # noqa: B007  (the last one is the account's)
                of_transactions.writerow(row)
            shop = ("shopify", f"gid://{number}", f"shop-{number}.example.com")
            of_accounts.writerow((_id(1, number), _id(2, number), *shop, balance, 0, 0, BEGIN, BEGIN))
    return made


def _rows(account: int, count: int) -> Iterator[tuple[tuple[object, ...], int]]:
    balance = 0
    for place in range(count):
        is_bought = place % BOUGHT_EVERY == 0
        amount = BOUGHT_EVERY - 1 if is_bought else 1
        before, balance = balance, balance + (amount if is_bought else -amount)
        yield (
            _id(3, account * count + place), _id(1, account), _id(2, account), amount,
            "credit" if is_bought else "debit", before, balance, "purchase" if is_bought else "match",
            f"{account}-{place}", "", "{}", BEGIN + timedelta(minutes=place),
        ), balance  # fmt: skip


def _id(what: int, number: int) -> UUID:
    return UUID(int=(what << 96) | number)


def move_in(stand: Stand, moved: Tables) -> Moved:
    """Move the tables into empty books. Raises Wrong unless all of it is there and the audit is clean."""
    with stand.empty_database() as url:
        environment = stand.environment(database_url=url, broker_url="memory://")
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "-v0"], cwd=BASE_DIR, env=environment, check=True)
        files = ["--accounts", str(moved.accounts), "--transactions", str(moved.transactions)]
        begun = time.monotonic()
        process = subprocess.Popen(
            [*manage, "import_predecessor", *files], cwd=BASE_DIR, env=environment, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        audited = subprocess.run([*manage, "audit"], cwd=BASE_DIR, env=environment, capture_output=True, text=True)
        if process.returncode or audited.returncode or f" {moved.rows} posted" not in audited.stdout:
            raise Wrong(f"the move ended with {process.returncode}, the audit says {audited.stdout}")
    return Moved(seconds, used.ru_maxrss / 1024)
