"""Telling: what the events of each type say (docs/contract.md §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import events
from ledger.rules.state import AccountState, Entry, Policy

_OF_THE_THRESHOLD = frozenset({events.LOW_BALANCE, events.RECOVERED})
_REFUSALS = frozenset({events.INSUFFICIENT, events.DECLINED})
_OF_HOLDS = frozenset({events.HELD, events.CAPTURED, events.RELEASED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What an event tells of: a transaction, or something that time did to what a transaction (id) had begun."""

    id: UUID
    sequence: int | None
    amount: int
    reference_type: str
    reference_id: str
    correlation_id: str
    created_at: datetime


def event_data(
    event_type: str, account: AccountState, cause: Entry | Cause, policy: Policy, *, more: Mapping[str, Any]
) -> dict[str, Any]:
    """What an event of this type says; more is what its cause alone does not tell."""
    merchant_id = str(account.merchant_id)
    platform_name = account.platform_name
    if event_type == events.EXHAUSTED:
        return {"merchant_id": merchant_id, "platform_name": platform_name}
    if event_type in _OF_THE_THRESHOLD:
        return {
            "merchant_id": merchant_id,
            "balance": account.balance,
            "threshold": account.threshold(policy),
            "platform_name": platform_name,
        }
    amount = "attempted_amount" if event_type in _REFUSALS else "amount"
    data = {
        "merchant_id": merchant_id,
        amount: cause.amount,
        "balance": account.balance,
        "reference_type": cause.reference_type,
        "reference_id": cause.reference_id,
        "platform_name": platform_name,
    }
    if event_type in _OF_HOLDS:
        data["available"] = account.available
    return {**data, **more}
