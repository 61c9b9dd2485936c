"""The columns of the predecessor's tables: their names in both spellings, and what their texts mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ledger.fields import MAX_AMOUNT, MAX_BALANCE, PLATFORMS
from ledger.predecessor.rows import BadRow, OldAccount, OldTransaction

ACCOUNTS, TRANSACTIONS = "credit_accounts", "credit_transactions"
# The migration's spelling by the code's.
SPELT = {"platform_id": "platform_shop_id", "platform_domain": "shop_domain"}
REQUIRED = {
    ACCOUNTS: ("id", "merchant_id", "platform_name", "platform_shop_id", "shop_domain", "balance", "created_at"),
    TRANSACTIONS: (
        "id", "account_id", "amount", "operation", "balance_before", "balance_after", "reference_type",
        "reference_id", "created_at",
    ),
}  # fmt: skip
OPTIONAL = {ACCOUNTS: ("updated_at",), TRANSACTIONS: ("merchant_id", "description", "metadata")}
MAX_TEXT = 255

Texts = Mapping[str, str]


def names(table: str, header: Sequence[str]) -> list[str]:
    """Our names of the columns of a header. Raises ValueError where one is missing, or there under both spellings."""
    ours = [SPELT.get(name.strip().lower(), name.strip().lower()) for name in header]
    missing = [name for name in REQUIRED[table] if name not in ours]
    if missing:
        raise ValueError(f"{table} has no column {', '.join(missing)}; its header is {', '.join(header)}")
    twice = sorted({name for name in ours if ours.count(name) > 1})
    if twice:
        raise ValueError(f"{table} has the column {', '.join(twice)} twice")
    return ours


def columns(table: str) -> tuple[str, ...]:
    """All that is read of a table."""
    return REQUIRED[table] + OPTIONAL[table]


class _Reader:
    """Reads one row's texts; every trouble names the row and the field."""

    def __init__(self, table: str, texts: Texts) -> None:
        self.table, self.texts = table, texts

    def read(self, field: str, meaning: Callable[[str], Any]) -> Any:
        try:
            return meaning(self.texts[field] or "")
        except ValueError as error:
            raise self.bad(field, str(error)) from None

    def bad(self, field: str, why: str) -> BadRow:
        return BadRow(table=self.table, row=self.texts["id"] or "without an id", field=field, why=why)


def account(texts: Texts) -> OldAccount:
    """The account that a row's texts say. Raises BadRow."""
    row = _Reader(ACCOUNTS, texts)
    created_at = row.read("created_at", moment)
    return OldAccount(
        id=row.read("id", _uuid),
        merchant_id=row.read("merchant_id", _uuid),
        platform_name=row.read("platform_name", _platform),
        platform_shop_id=row.read("platform_shop_id", _given),
        shop_domain=row.read("shop_domain", _given).lower(),
        balance=row.read("balance", _balance),
        created_at=created_at,
        updated_at=row.read("updated_at", moment) if texts["updated_at"] else created_at,
    )


def transaction(texts: Texts, *, merchant_id: UUID) -> OldTransaction:
    """The transaction that a row's texts say, of that merchant unless it says another. Raises BadRow."""
    row = _Reader(TRANSACTIONS, texts)
    return OldTransaction(
        id=row.read("id", _uuid),
        merchant_id=row.read("merchant_id", _uuid) if texts["merchant_id"] else merchant_id,
        amount=row.read("amount", _amount),
        is_credit=row.read("operation", _is_credit),
        balance_before=row.read("balance_before", int),
        balance_after=row.read("balance_after", int),
        reference_type=texts["reference_type"] or "",
        reference_id=texts["reference_id"] or "",
        description=texts["description"] or "",
        metadata=row.read("metadata", _metadata),
        created_at=row.read("created_at", moment),
    )


def moment(text: str) -> datetime:
    """A time as PostgreSQL writes it, in UTC where it names no zone. Raises ValueError, for one to come as well."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time") from None
    at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    if at > datetime.now(UTC):
        raise ValueError(f"{text!r} lies in the future")
    return at


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"{text!r} is no UUID") from None


def _platform(text: str) -> str:
    name = text.lower()
    if name not in PLATFORMS:
        raise ValueError(f"{text!r} is none of {', '.join(PLATFORMS)}")
    return name


def _given(text: str) -> str:
    if not 1 <= len(text) <= MAX_TEXT:
        raise ValueError(f"must have 1 to {MAX_TEXT} characters")
    return text


def _balance(text: str) -> int:
    balance = int(text)
    if not 0 <= balance <= MAX_BALANCE:
        raise ValueError(f"must be 0 to {MAX_BALANCE}, not {balance}")
    return balance


def _amount(text: str) -> int:
    amount = int(text)
    if not 0 <= amount <= MAX_AMOUNT:
        raise ValueError(f"must be 1 to {MAX_AMOUNT}, not {amount}")
    return amount


def _is_credit(text: str) -> bool:
    operation = text.lower()
    if operation not in ("credit", "debit"):
        raise ValueError(f"{text!r} is neither credit nor debit")
    return operation == "credit"


def _metadata(text: str) -> dict[str, Any]:
    """The metadata; what is JSON but no object, as some older rows have it, becomes the value of one."""
    if not text:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}
