"""Idempotency: what a reference that is held already means for a request that names it."""

from ledger.outcomes import Outcome
from ledger.rules.state import Entry, Held, Movement


def is_same(held: Held, movement: Movement) -> bool:
    """Whether a request repeats the one that holds its reference. What its caller did not state isn't compared."""
    return (
        held.merchant_id == movement.merchant_id
        and held.operation == movement.operation
        and (movement.stated_amount is None or movement.stated_amount == held.stated_amount)
    )


def replay(held: Held, movement: Movement) -> Outcome:
    """The stored outcome, told again."""
    return Outcome(
        held.status,
        merchant_id=held.merchant_id,
        transaction_id=held.transaction_id,
        amount=held.amount,
        balance=held.balance,
        reference_type=movement.reference_type,
        reference_id=movement.reference_id,
        reason=held.reason,
        replayed=True,
    )


def held_by(entry: Entry) -> Held:
    """How an entry holds its reference against the requests that follow in its batch."""
    return Held(
        transaction_id=entry.id,
        merchant_id=entry.merchant_id,
        operation=entry.operation,
        status=entry.status,
        amount=entry.amount,
        stated_amount=entry.stated_amount,
        balance=entry.balance_after,
        reason=entry.reason or None,
    )
