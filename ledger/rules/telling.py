"""Telling: what the events of each type say (docs/contract.md §3)."""

from typing import Any

from ledger import events
from ledger.rules.state import AccountState, Entry, Policy


def event_data(event_type: str, account: AccountState, entry: Entry, policy: Policy) -> dict[str, Any]:
    """What an event of this type says (docs/contract.md §3)."""
    merchant_id = str(account.merchant_id)
    platform_name = account.platform_name
    if event_type == events.EXHAUSTED:
        return {"merchant_id": merchant_id, "platform_name": platform_name}
    if event_type in (events.LOW_BALANCE, events.RECOVERED):
        return {
            "merchant_id": merchant_id,
            "balance": account.balance,
            "threshold": policy.low_balance_threshold,
            "platform_name": platform_name,
        }
    amount = "attempted_amount" if event_type == events.INSUFFICIENT else "amount"
    return {
        "merchant_id": merchant_id,
        amount: entry.amount,
        "balance": account.balance,
        "reference_type": entry.reference_type,
        "reference_id": entry.reference_id,
        "platform_name": platform_name,
    }
