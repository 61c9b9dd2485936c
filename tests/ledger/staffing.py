"""What tests of the staff's actions share: adjustments with defaults, and a declined transaction to retry."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ledger.instructions import Adjust
from ledger.journal import post
from ledger.models import Account, Adjustment, Transaction
from ledger.outcomes import Outcome
from ledger.staff import adjust, adjustment
from tests.ledger.builders import consume, request

LONG_AHEAD = datetime(2999, 1, 1, tzinfo=UTC)


def an_adjustment(account: Account, **fields: Any) -> Adjust:
    """The instruction to add 10 credits, unless fields say otherwise."""
    defaults = {"adjustment_id": uuid4(), "change": 10, "actor": "anna", "reason": "billed twice"}
    return adjustment(account, **{**defaults, **fields})


def asked_for(told: Adjust) -> Adjustment:
    """The stored row of an adjustment, whatever its size."""
    return Adjustment.objects.create(
        id=told.adjustment_id,
        account=Account.objects.get(merchant_id=told.merchant_id),
        change=told.change,
        category=told.category,
        expires_at=told.expires_at,
        reason=told.reason,
        asked_by=told.actor,
        asked_at=datetime.now(UTC),
    )


def adjusted(account: Account, change: int, **fields: Any) -> Outcome:
    """The outcome of an adjustment small enough for one person."""
    outcome = adjust(an_adjustment(account, change=change, **fields))
    assert isinstance(outcome, Outcome)
    return outcome


def declined_consumption(account: Account, *, amount: int = 10, **fields: Any) -> Transaction:
    """A consumption for which the account has not enough."""
    command = consume(merchant_id=account.merchant_id, amount=amount, **fields)
    post([request(command)])
    return Transaction.objects.get(reference_id=command.reference_id)


def of_reference(reference_type: str, reference_id: object) -> Transaction:
    return Transaction.objects.get(reference_type=reference_type, reference_id=str(reference_id))
