"""The predecessor, as it was: balances without locks, debits clamped at 0, and its two tables as CSV."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.core.management import call_command

from ledger.models import Account, Transaction

OPENED_AT = datetime(2025, 3, 1, 8, 30, tzinfo=UTC)
MIGRATION = {"platform_shop_id": "platform_id", "shop_domain": "platform_domain"}
Row = dict[str, Any]


@dataclass
class OldMerchant:
    """One merchant of the predecessor: its account, and its rows as they were written."""

    account: Row = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def opened(cls, **columns: Any) -> "OldMerchant":
        id_ = uuid4()
        return cls({
            "id": id_, "merchant_id": uuid4(), "platform_name": "shopify", "platform_shop_id": f"gid://{id_}",
            "shop_domain": f"{id_.hex[:12]}.example.com", "balance": 0, "total_granted": 0, "total_consumed": 0,
            "created_at": OPENED_AT, "updated_at": OPENED_AT, **columns,
        })  # fmt: skip

    @classmethod
    def with_rows(cls, history: Iterable[tuple[str, int, int | None, int]]) -> "OldMerchant":
        """One with these rows: operation, amount, the balance that it saw if not the newest, minutes since opening."""
        merchant = cls.opened()
        for operation, amount, seen, minutes in history:
            merchant.row(operation, amount, seen=seen, created_at=OPENED_AT + timedelta(minutes=minutes))
        return merchant

    @property
    def id(self) -> UUID:
        return UUID(str(self.account["id"]))

    @property
    def merchant_id(self) -> UUID:
        return UUID(str(self.account["merchant_id"]))

    def row(self, operation: str, amount: int, *, seen: int | None = None, **columns: Any) -> Row:
        """Write a row as the predecessor did: on the balance that it saw, clamped at 0; that becomes the account's."""
        before = self.account["balance"] if seen is None else seen
        after = max(before + (amount if operation == "credit" else -amount), 0)
        id_ = uuid4()
        written = {
            "id": id_, "account_id": self.account["id"], "merchant_id": self.account["merchant_id"], "amount": amount,
            "operation": operation, "balance_before": before, "balance_after": after, "reference_type": "match",
            "reference_id": f"m-{id_}", "description": "", "metadata": {},
            "created_at": OPENED_AT + timedelta(minutes=len(self.rows)), **columns,
        }  # fmt: skip
        self.rows.append(written)
        self.account["balance"] = after
        return written


def written(folder: Path, merchants: Iterable[OldMerchant], *, spelling: Mapping[str, str] = {}) -> tuple[Path, Path]:
    """Both tables as CSV files in a folder, as COPY writes them."""
    accounts, transactions = folder / "accounts.csv", folder / "transactions.csv"
    merchants = list(merchants)
    accounts.write_text(_csv([merchant.account for merchant in merchants], spelling), encoding="utf-8")
    rows = [row for merchant in merchants for row in merchant.rows]
    transactions.write_text(_csv(rows or [_no_row()], spelling, empty=not rows), encoding="utf-8")
    return accounts, transactions


def _no_row() -> Row:
    return OldMerchant.opened().row("credit", 1)


def _csv(rows: list[Row], spelling: Mapping[str, str], *, empty: bool = False) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([spelling.get(name, name) for name in rows[0]])
    for row in [] if empty else rows:
        writer.writerow([_cell(value) for value in row.values()])
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return value.isoformat(sep=" ")[:-3] if isinstance(value, datetime) else value  # COPY writes +00


def import_files(accounts: Path, transactions: Path, *options: str) -> tuple[int, list[dict[str, str]]]:
    """Run the command: its exit code, and its report."""
    report = accounts.parent / f"report-{uuid4()}.jsonl"
    command = ["import_predecessor", "--accounts", str(accounts), "--transactions", str(transactions)]
    code = 0
    try:
        call_command(*command, "--report", str(report), *options, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, [json.loads(line) for line in report.read_text().splitlines()]


def moved_in(folder: Path, *merchants: OldMerchant) -> list[tuple[str, str]]:
    """Move these merchants in; the reasons and rows that were reported."""
    code, report = import_files(*written(folder, merchants))
    assert code == 0, report
    return [(note["reason"], note["row"]) for note in report]


def of(merchant: OldMerchant) -> Account:
    """The account that a merchant of the predecessor's became."""
    return Account.objects.get(id=merchant.id)


def balances(merchant: OldMerchant) -> list[tuple[str, int, int]]:
    """Of each row of its account in turn: kind, balance before and after."""
    rows = Transaction.objects.filter(account_id=merchant.id).order_by("number")
    return [(row.kind, row.balance_before, row.balance_after) for row in rows]


def a_merchant() -> OldMerchant:
    """500 for a trial, 100 bought, 2 matches."""
    merchant = OldMerchant.opened()
    merchant.row("credit", 500, reference_type="trial", reference_id=f"TRIAL_GRANT_{merchant.merchant_id}")
    merchant.row("credit", 100, reference_type="purchase", reference_id=f"order-{uuid4()}", description="Purchased")
    for match in ("m-1", "m-2"):
        merchant.row("debit", 1, reference_id=f"{match}-{merchant.id}", metadata={"shopper_id": "s-1"})
    return merchant
