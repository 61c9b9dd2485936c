"""Builders: commands, requests, accounts and rows with defaults, so that a test shows only what matters to it."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from ledger.commands import (
    Capture,
    ChangeShop,
    Command,
    Consume,
    ConsumeMatch,
    Grant,
    Hold,
    OpenAccount,
    Purchase,
    Release,
    Reverse,
    StartTrial,
)
from ledger.fields import MAX_AMOUNT
from ledger.identifiers import new_id
from ledger.journal import post
from ledger.models import Account, Lot, Transaction
from ledger.requests import Request

CORRELATION_ID = "corr_0123456789ab"
OPENED_AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
_numbers = count(1)


def fresh(role: str) -> str:
    """A name that nothing else in this run of the tests has, such as purchase-17."""
    return f"{role}-{next(_numbers)}"


def open_account(**fields: Any) -> OpenAccount:
    """The command that opens a new merchant's account."""
    defaults = {
        "merchant_id": uuid4(),
        "platform_name": "shopify",
        "platform_shop_id": fresh("shop"),
        "shop_domain": f"{fresh('shop')}.example.com",
    }
    return OpenAccount(**{**defaults, **fields})


def start_trial(**fields: Any) -> StartTrial:
    """The command that grants a merchant's trial."""
    return StartTrial(**{"merchant_id": uuid4(), "ends_at": "2026-02-28T00:00:00Z", **fields})


def purchase(**fields: Any) -> Purchase:
    """The command that grants 100 credits that were bought."""
    return Purchase(**{"merchant_id": uuid4(), "credits": 100, "purchase_id": fresh("purchase"), **fields})


def grant(**fields: Any) -> Grant:
    """The command that grants 10 credits as goodwill."""
    return Grant(**_movement("goodwill", fields))


def consume_match(**fields: Any) -> ConsumeMatch:
    """The command that consumes the credit for one match."""
    defaults = {
        "merchant_id": uuid4(),
        "match_id": fresh("match"),
        "shopper_id": fresh("shopper"),
        "matched_items_count": 3,
    }
    return ConsumeMatch(**{**defaults, **fields})


def consume(**fields: Any) -> Consume:
    """The command that consumes 10 credits for an export."""
    return Consume(**_movement("export", fields))


def hold(**fields: Any) -> Hold:
    """The command that sets 10 credits aside for a job, for an hour."""
    return Hold(**{"expires_in_s": 3600, **_movement("job", fields)})


def capture(of: Hold, **fields: Any) -> Capture:
    """The command that captures a hold, all of it unless fields say how much."""
    target = {"hold_reference_type": of.reference_type, "hold_reference_id": of.reference_id}
    return Capture(**{**_claim("delivery", fields), "merchant_id": of.merchant_id, **target, **fields})


def release(of: Hold, **fields: Any) -> Release:
    """The command that gives up a hold."""
    target = {"hold_reference_type": of.reference_type, "hold_reference_id": of.reference_id}
    return Release(**{**_claim("cancelled", fields), "merchant_id": of.merchant_id, **target, **fields})


def reverse(original: tuple[str, str], **fields: Any) -> Reverse:
    """The command that reverses the transaction with that reference, all of it unless fields say how much."""
    target = {"original_reference_type": original[0], "original_reference_id": original[1]}
    return Reverse(**{**_claim("refund", fields), **target, **fields})


def change_shop(**fields: Any) -> ChangeShop:
    """The command that moves an account to another shop."""
    defaults = {
        "merchant_id": uuid4(),
        "platform_name": "shopify",
        "platform_shop_id": fresh("shop"),
        "shop_domain": f"{fresh('shop')}.example.com",
        "changed_at": "2026-01-31T12:00:00Z",
    }
    return ChangeShop(**{**defaults, **fields})


def _claim(reference_type: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"merchant_id": uuid4(), "reference_type": reference_type, "reference_id": fresh(reference_type), **fields}


def _movement(reference_type: str, fields: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        "merchant_id": uuid4(),
        "amount": 10,
        "reference_type": reference_type,
        "reference_id": fresh(reference_type),
    }
    return {**defaults, **fields}


def request(command: Command, **fields: Any) -> Request:
    """The command as it reached the service."""
    return Request(**{"command": command, "correlation_id": CORRELATION_ID, **fields})


def requests(*commands: Command) -> list[Request]:
    """A batch of commands as they reached the service."""
    return [request(command) for command in commands]


def opened_account(*, credits_bought: int = 0, **fields: Any) -> Account:
    """An account that the journal has opened, with what was bought for it; fields are OpenAccount's."""
    opening = open_account(**fields)
    batch: list[Command] = [opening]
    if credits_bought:
        batch.append(purchase(merchant_id=opening.merchant_id, credits=credits_bought))
    post(requests(*batch))
    return Account.objects.get(merchant_id=opening.merchant_id)


def account_row(**columns: Any) -> Account:
    """An account that no journal has seen, not saved yet: open, at 0."""
    defaults = {
        "merchant_id": uuid4(),
        "platform_name": "shopify",
        "platform_shop_id": fresh("shop"),
        "shop_domain": f"{fresh('shop')}.example.com",
        "balance": 0,
        "held": 0,
        "total_granted": 0,
        "total_consumed": 0,
        "total_expired": 0,
        "sequence": 0,
        "event_sequence": 0,
        "rows": max(0, columns.get("sequence", 0)),
        "head": "",
        "armed": True,
        "frozen": False,
        "created_at": OPENED_AT,
        "updated_at": OPENED_AT,
    }
    return Account(**{**defaults, **columns})


def filled_account(credits: int, **columns: Any) -> Account:
    """An account that holds so many credits, and one lot with as many of them as a lot can hold."""
    account = account_row(balance=credits, total_granted=credits, **columns)
    account.save()
    amount = min(credits, MAX_AMOUNT)
    lot = {"reference_type": "opening", "reference_id": "balance", "category": "promotional", "priority": 50}
    figures = {"amount": amount, "remaining": amount, "held": 0, "sequence": 0, "expiries": 0}
    flags = {"pending": False, "is_open": True, "warned": False, "correlation_id": CORRELATION_ID}
    Lot.objects.create(id=new_id(), account=account, effective_at=OPENED_AT, **lot, **figures, **flags)
    return account


def transaction_row(account: Account, **columns: Any) -> Transaction:
    """The posted grant of 10 credits that would be the account's next row, not saved yet."""
    amount = columns.get("amount", 10)
    defaults = {
        "account_id": account.id,
        "merchant_id": account.merchant_id,
        "number": account.rows + 1,
        "sequence": account.sequence + 1,
        "status": Transaction.Status.POSTED,
        "kind": Transaction.Kind.GRANT,
        "operation": Transaction.Operation.CREDIT,
        "amount": amount,
        "stated_amount": amount,
        "balance_before": account.balance,
        "balance_after": account.balance + amount,
        "total_granted": account.total_granted + amount,
        "total_consumed": account.total_consumed,
        "total_expired": account.total_expired,
        "reference_type": "goodwill",
        "reference_id": fresh("goodwill"),
        "correlation_id": CORRELATION_ID,
        "created_at": account.updated_at,
        "digest": "0" * 64,
    }
    return Transaction(**{**defaults, **columns})


def merchant(last_digit: int) -> UUID:
    """A merchant's id that sorts by its last digit, where a test is about the order of merchants."""
    return UUID(f"00000000-0000-4000-8000-00000000000{last_digit}")
