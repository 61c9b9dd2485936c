"""Idempotency: what a reference that is claimed already means for a request that names it."""

from ledger.outcomes import Outcome
from ledger.rules.movements import Movement
from ledger.rules.state import Claimed, Entry, Kind, Operation

# Kinds that are operations of their own; of the others, what counts is whether they credit or debit.
_OPERATIONS = frozenset({Kind.HOLD, Kind.CAPTURE, Kind.RELEASE, Kind.REVERSE, Kind.EXPIRE})


def is_same(claimed: Claimed, movement: Movement, target: Claimed | None) -> bool:
    """Whether a request repeats the one that holds its reference. What its caller did not state isn't compared.

    target is the transaction that the request aims at, if it aims at one.
    """
    return (
        claimed.merchant_id == movement.merchant_id
        and _asked(claimed.kind, claimed.operation) == _asked(movement.kind, movement.operation)
        and (movement.terms.target is None or (target is not None and claimed.target_id == target.transaction_id))
        and (movement.stated_amount is None or movement.stated_amount == claimed.stated_amount)
    )


def _asked(kind: Kind, operation: Operation) -> str:
    return kind if kind in _OPERATIONS else operation


def replay(claimed: Claimed, movement: Movement) -> Outcome:
    """The stored outcome, told again."""
    return Outcome(
        claimed.status,
        merchant_id=claimed.merchant_id,
        transaction_id=claimed.transaction_id,
        amount=claimed.amount,
        balance=claimed.balance,
        reference_type=movement.reference_type,
        reference_id=movement.reference_id,
        reason=claimed.reason,
        replayed=True,
        retried_by=claimed.retried_by,
    )


def claimed_by(entry: Entry) -> Claimed:
    """How an entry holds its reference against the requests that follow in its batch."""
    return Claimed(
        transaction_id=entry.id,
        merchant_id=entry.merchant_id,
        kind=entry.kind,
        operation=entry.operation,
        status=entry.status,
        amount=entry.amount,
        stated_amount=entry.stated_amount,
        balance=entry.balance_after,
        reason=entry.reason or None,
        target_id=entry.target_id,
        allocations=entry.allocations,
    )
