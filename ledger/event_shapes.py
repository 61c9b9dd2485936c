"""The shapes of what published events say (docs/contract.md §3), for those who read them: schemas, and tests.

The rules build their data as plain mappings, which is faster; tests hold every event that they tell against these.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ledger import events
from ledger.fields import MAX_AMOUNT, MAX_BALANCE
from ledger.outcomes import DeclineReason

Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Balance = Annotated[int, Field(ge=0, le=MAX_BALANCE)]
ReferenceType = Annotated[str, Field(min_length=1, max_length=64)]
ReferenceId = Annotated[str, Field(min_length=1, max_length=255)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    merchant_id: UUID
    platform_name: str


class _Moved(_Said):
    amount: Amount
    balance: Balance
    reference_type: ReferenceType
    reference_id: ReferenceId


class _OfHold(_Moved):
    available: Balance
    hold_reference_type: ReferenceType
    hold_reference_id: ReferenceId


class Granted(_Moved):
    """A credit was posted; the original is the grant that became effective only now."""

    original_reference_type: ReferenceType | None = None
    original_reference_id: ReferenceId | None = None


class Consumed(_Moved):
    """A consumption, or a downward adjustment, was posted."""


class Insufficient(_Said):
    """A debit or a hold was declined for lack of credits."""

    attempted_amount: Amount
    balance: Balance
    reference_type: ReferenceType
    reference_id: ReferenceId


class Declined(Insufficient):
    """Anything else was declined."""

    reason: DeclineReason


class Expired(_Moved):
    """What was left of a lot expired; the original is what opened the lot."""

    original_reference_type: ReferenceType
    original_reference_id: ReferenceId


class ExpiringSoon(_Moved):
    """So many credits of a lot expire at expires_at; the reference is the lot's."""

    expires_at: datetime


class Held(_Moved):
    """Credits were set aside."""

    available: Balance
    expires_at: datetime


class Captured(_OfHold):
    """A hold was consumed, all or a part of it; the rest was released."""

    released_amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT)]


class Released(_OfHold):
    """A hold was given up, or ran out."""

    reason: Literal["released", "expired"]


class Reversed(_Moved):
    """A transaction was undone; operation says which way credits moved."""

    operation: Literal["credit", "debit"]
    original_reference_type: ReferenceType
    original_reference_id: ReferenceId


class LowBalance(_Said):
    """The balance fell below the threshold."""

    balance: Balance
    threshold: Annotated[int, Field(ge=0)]


class Recovered(LowBalance):
    """The balance is at or over the threshold again."""


class Exhausted(_Said):
    """A debit took the balance to 0."""


SHAPES: dict[str, type[BaseModel]] = {
    events.GRANTED: Granted,
    events.CONSUMED: Consumed,
    events.INSUFFICIENT: Insufficient,
    events.DECLINED: Declined,
    events.EXPIRED: Expired,
    events.EXPIRING_SOON: ExpiringSoon,
    events.HELD: Held,
    events.CAPTURED: Captured,
    events.RELEASED: Released,
    events.REVERSED: Reversed,
    events.LOW_BALANCE: LowBalance,
    events.EXHAUSTED: Exhausted,
    events.RECOVERED: Recovered,
}


class Numbers(BaseModel):
    """Where an event stands: among its account's events, and its cause among the account's posted transactions."""

    model_config = ConfigDict(extra="forbid")

    account_sequence: Annotated[int, Field(ge=1)]
    transaction_sequence: Annotated[int, Field(ge=1)] | None


class Envelope(BaseModel):
    """What every published event travels in; event_id never changes on a repeat."""

    model_config = ConfigDict(extra="forbid")

    event_id: UUID
    event_type: str
    correlation_id: str
    source_service: Literal["credit-service"]
    timestamp: datetime
    metadata: Numbers
