"""What each command asks for: which kind of movement, how many credits, against which reference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.commands import Capture, Command, Consume, ConsumeMatch, Grant, Hold, Purchase, Release, Reverse, StartTrial
from ledger.events import rfc3339
from ledger.fields import Category
from ledger.instructions import Adjust, Retry
from ledger.requests import Request
from ledger.rules.state import Kind, Operation, Policy, Reference
from ledger.rules.terms import PLAIN, LotTerms, Terms


@dataclass(slots=True, kw_only=True)
class Movement:
    """What a command asks for: credits to move, and the reference that it claims.

    amount is None where what it aims at says how much; stated_amount is the amount as the caller stated it, None
    where the rules chose it. actor is the person who asked, where a person did; producer the broker's user who sent it,
    where the broker has validated that.
    """

    merchant_id: UUID
    kind: Kind
    operation: Operation
    amount: int | None
    stated_amount: int | None
    reference_type: str
    reference_id: str
    description: str
    metadata: Mapping[str, Any]
    terms: Terms = PLAIN
    actor: str = ""
    producer: str = ""
    correlation_id: str = ""

    @property
    def reference(self) -> Reference:
        return (self.reference_type, self.reference_id)


def movement_of(request: Request, policy: Policy) -> Movement:
    """The movement that a request asks for. Raises KeyError for a command that moves nothing, such as OpenAccount."""
    movement = _MOVEMENTS[type(request.command)](request.command, policy)
    movement.correlation_id = request.correlation_id
    movement.producer = request.producer
    return movement


def target_of(command: Command) -> Reference | None:
    """The reference of the transaction that a command aims at, if it aims at one."""
    if isinstance(command, Capture | Release):
        return (command.hold_reference_type, command.hold_reference_id)
    if isinstance(command, Reverse):
        return (command.original_reference_type, command.original_reference_id)
    return None


def moves(command: Command) -> bool:
    """Whether a command asks for a movement at all."""
    return type(command) in _MOVEMENTS


def _start_trial(command: StartTrial, policy: Policy) -> Movement:
    expires_at = command.ends_at if policy.trials_expire else None
    return Movement(
        merchant_id=command.merchant_id,
        kind=Kind.TRIAL,
        operation=Operation.CREDIT,
        amount=policy.trial_credits,
        stated_amount=None,
        reference_type="trial",
        reference_id=f"TRIAL_GRANT_{command.merchant_id}",
        description="Trial credits granted",
        metadata={"ends_at": rfc3339(command.ends_at)},
        terms=Terms(lot=LotTerms(category=Category.PROMOTIONAL, expires_at=expires_at)),
    )


def _purchase(command: Purchase, _: Policy) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        kind=Kind.PURCHASE,
        operation=Operation.CREDIT,
        amount=command.credits,
        stated_amount=command.credits,
        reference_type="purchase",
        reference_id=command.purchase_id,
        description=f"Purchased {command.credits} credits",
        metadata={},
        terms=PAID,
    )


def _consume_match(command: ConsumeMatch, _: Policy) -> Movement:
    return Movement(
        merchant_id=command.merchant_id,
        kind=Kind.CONSUME,
        operation=Operation.DEBIT,
        amount=1,
        stated_amount=1,
        reference_type="match",
        reference_id=command.match_id,
        description=f"Match for shopper {command.shopper_id}",
        metadata={"shopper_id": command.shopper_id, "matched_items_count": command.matched_items_count},
    )


def _grant(command: Grant, _: Policy) -> Movement:
    lot = LotTerms(
        category=command.category,
        priority=command.priority,
        effective_at=command.effective_at,
        expires_at=command.expires_at,
    )
    return _as_given(command, kind=Kind.GRANT, operation=Operation.CREDIT, terms=Terms(lot=lot))


def _consume(command: Consume, _: Policy) -> Movement:
    return _as_given(command, kind=Kind.CONSUME, operation=Operation.DEBIT)


def _hold(command: Hold, _: Policy) -> Movement:
    return _as_given(command, kind=Kind.HOLD, operation=Operation.DEBIT, terms=Terms(expires_in_s=command.expires_in_s))


def _capture(command: Capture, _: Policy) -> Movement:
    return _as_given(command, kind=Kind.CAPTURE, operation=Operation.DEBIT, terms=Terms(target=target_of(command)))


def _release(command: Release, _: Policy) -> Movement:
    return _as_given(command, kind=Kind.RELEASE, operation=Operation.CREDIT, terms=Terms(target=target_of(command)))


def _reverse(command: Reverse, _: Policy) -> Movement:
    terms = Terms(target=target_of(command), on_shortfall=command.on_shortfall)
    return _as_given(command, kind=Kind.REVERSE, operation=Operation.CREDIT, terms=terms)


def _as_given(
    command: Grant | Consume | Hold | Capture | Release | Reverse,
    *,
    kind: Kind,
    operation: Operation,
    terms: Terms = PLAIN,
) -> Movement:
    amount = getattr(command, "amount", None)  # a release has none
    return Movement(
        merchant_id=command.merchant_id,
        kind=kind,
        operation=operation,
        amount=amount,
        stated_amount=amount,
        reference_type=command.reference_type,
        reference_id=command.reference_id,
        description=command.description,
        metadata=command.metadata,
        terms=terms,
    )


def _adjust(command: Adjust, _: Policy) -> Movement:
    is_credit = command.change > 0
    return Movement(
        merchant_id=command.merchant_id,
        kind=Kind.ADJUST,
        operation=Operation.CREDIT if is_credit else Operation.DEBIT,
        amount=abs(command.change),
        stated_amount=abs(command.change),
        reference_type="adjust",
        reference_id=str(command.adjustment_id),
        description=command.reason,
        metadata={"approved_by": command.approved_by} if command.approved_by else {},
        terms=Terms(lot=LotTerms(category=command.category, expires_at=command.expires_at)) if is_credit else PLAIN,
        actor=command.actor,
    )


def _retry(command: Retry, _: Policy) -> Movement:
    terms = Terms.from_json(command.terms)
    return Movement(
        merchant_id=command.merchant_id,
        kind=Kind(command.kind),
        operation=Operation(command.operation),
        # What aims at another and stated no amount asks for all that there is, now as then.
        amount=command.stated_amount if terms.target else command.amount,
        stated_amount=command.stated_amount,
        reference_type="retry",
        reference_id=str(command.transaction_id),
        description=command.description,
        metadata=command.metadata,
        terms=terms,
        actor=command.actor,
    )


PAID = Terms(lot=LotTerms(category=Category.PAID))

_MOVEMENTS: dict[type[Command], Callable[[Any, Policy], Movement]] = {
    StartTrial: _start_trial,
    Purchase: _purchase,
    Grant: _grant,
    Reverse: _reverse,
    ConsumeMatch: _consume_match,
    Consume: _consume,
    Hold: _hold,
    Capture: _capture,
    Release: _release,
    Adjust: _adjust,
    Retry: _retry,
}
