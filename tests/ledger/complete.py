"""A complete example of each command, and what it takes to have one of its fields accepted or refused."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from ledger.commands import (
    Capture,
    ChangeShop,
    Consume,
    ConsumeMany,
    ConsumeMatch,
    Grant,
    Hold,
    OpenAccount,
    Purchase,
    Release,
    Reverse,
    StartTrial,
)

MERCHANT = "0190f5fe-7c00-7a00-8000-00000000abcd"
ITEM = {"merchant_id": MERCHANT, "amount": 7, "reference_type": "export", "reference_id": "export-1"}
CLAIM = {"merchant_id": MERCHANT, "reference_type": "delivery", "reference_id": "delivery-1"}
OF_HOLD = {"hold_reference_type": "job", "hold_reference_id": "job-1"}
COMPLETE: dict[type[BaseModel], dict[str, Any]] = {
    OpenAccount: {
        "merchant_id": MERCHANT,
        "platform_name": "shopify",
        "platform_shop_id": "gid://shopify/Shop/1",
        "shop_domain": "shop.example.com",
    },
    StartTrial: {"merchant_id": MERCHANT, "ends_at": "2026-02-28T00:00:00Z"},
    Purchase: {"merchant_id": MERCHANT, "credits": 100, "purchase_id": "purchase-1"},
    Grant: ITEM,
    Hold: {**ITEM, "expires_in_s": 3600},
    Capture: {**CLAIM, **OF_HOLD},
    Release: {**CLAIM, **OF_HOLD},
    Reverse: {**CLAIM, "original_reference_type": "purchase", "original_reference_id": "purchase-1"},
    ChangeShop: {
        "merchant_id": MERCHANT,
        "platform_name": "shopify",
        "platform_shop_id": "gid://shopify/Shop/2",
        "shop_domain": "other.example.com",
        "changed_at": "2026-02-01T00:00:00Z",
    },
    ConsumeMatch: {
        "merchant_id": MERCHANT,
        "match_id": "match-1",
        "shopper_id": "shopper-1",
        "matched_items_count": 3,
    },
    Consume: ITEM,
    ConsumeMany: {"items": [ITEM]},
}
UNPRINTABLE = {
    "NUL": "\x00",
    "line feed": "\n",
    "tab": "\t",
    "escape": "\x1b",
    "unit separator": "\x1f",
    "delete": "\x7f",
    "next line": "\x85",
    "last control": "\x9f",
    "lone high surrogate": "\ud800",
    "lone low surrogate": "\udfff",
}


def named(value: Any) -> str | None:
    """How a command or an overlong value is called in a test's name."""
    if isinstance(value, type):
        return value.__name__
    return None if len(repr(value)) < 50 else f"{type(value).__name__} of {len(value)}"


def accepted(command: type[BaseModel], **fields: Any) -> Any:
    """The command, complete but for these fields."""
    return command.model_validate({**COMPLETE[command], **fields})


def refused_field(command: type[BaseModel], **fields: Any) -> tuple[int | str, ...]:
    """Where the command, complete but for these fields, is refused: in one place only."""
    with pytest.raises(ValidationError) as refusal:
        command.model_validate({**COMPLETE[command], **fields})
    (error,) = refusal.value.errors(include_url=False, include_input=False)
    return error["loc"]
