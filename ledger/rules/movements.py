"""What each command asks for: which way, how many credits, against which reference."""

from collections.abc import Callable
from typing import Any

from ledger.commands import Command, Consume, ConsumeMatch, Grant, Purchase, StartTrial
from ledger.events import rfc3339
from ledger.rules.state import Kind, Movement, Operation, Policy


def movement_of(command: Command, policy: Policy) -> Movement:
    """The movement that a command asks for. Raises KeyError for one that moves nothing (OpenAccount)."""
    return _MOVEMENTS[type(command)](command, policy)


def _start_trial(command: StartTrial, policy: Policy) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        operation=Operation.CREDIT,
        kind=Kind.TRIAL,
        amount=policy.trial_credits,
        stated_amount=None,
        reference_type="trial",
        reference_id=f"TRIAL_GRANT_{command.merchant_id}",
        description="Trial credits granted",
        metadata={"ends_at": rfc3339(command.ends_at)},
    )


def _purchase(command: Purchase, _: Policy) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        operation=Operation.CREDIT,
        kind=Kind.PURCHASE,
        amount=command.credits,
        stated_amount=command.credits,
        reference_type="purchase",
        reference_id=command.purchase_id,
        description=f"Purchased {command.credits} credits",
        metadata={},
    )


def _consume_match(command: ConsumeMatch, _: Policy) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        operation=Operation.DEBIT,
        kind=Kind.CONSUME,
        amount=1,
        stated_amount=1,
        reference_type="match",
        reference_id=command.match_id,
        description=f"Match for shopper {command.shopper_id}",
        metadata={"shopper_id": command.shopper_id, "matched_items_count": command.matched_items_count},
    )


def _as_given(command: Grant | Consume, *, operation: Operation, kind: Kind) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        operation=operation,
        kind=kind,
        amount=command.amount,
        stated_amount=command.amount,
        reference_type=command.reference_type,
        reference_id=command.reference_id,
        description=command.description,
        metadata=command.metadata,
    )


def _grant(command: Grant, _: Policy) -> Movement:
    return _as_given(command, operation=Operation.CREDIT, kind=Kind.GRANT)


def _consume(command: Consume, _: Policy) -> Movement:
    return _as_given(command, operation=Operation.DEBIT, kind=Kind.CONSUME)


_MOVEMENTS: dict[type[Command], Callable[[Any, Policy], Movement]] = {
    StartTrial: _start_trial,
    Purchase: _purchase,
    Grant: _grant,
    ConsumeMatch: _consume_match,
    Consume: _consume,
}
