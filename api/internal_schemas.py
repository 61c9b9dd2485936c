"""The shapes of what other services are answered, for the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from api.envelope_schemas import Answer, Shape
from api.schemas import Amount, Balance, Kind, Total


class Availability(Shape):
    """A merchant's account, in whole credits, with all that is due by now."""

    merchant_id: UUID
    platform_name: str
    shop_domain: str
    balance: Balance
    available: Balance
    held: Balance
    total_granted: Total
    total_consumed: Total
    total_expired: Total
    frozen: Annotated[bool, Field(description="Whether consumptions and holds are declined.")]
    sufficient: Annotated[
        bool | None, Field(description="Whether the amount asked about can be consumed or held; null if none was.")
    ]


class OfMerchant(Shape):
    """A merchant's account, if it has one."""

    merchant_id: UUID
    account: Availability | None


class Claimed(Shape):
    """The transaction that holds a reference; balance is the one after it."""

    transaction_id: UUID
    merchant_id: UUID
    operation: Literal["credit", "debit"]
    kind: Kind
    amount: Amount
    balance: Balance
    reason: Annotated[str | None, Field(description="Why it was declined.")]
    retried_by: UUID | None
    correlation_id: str
    created_at: datetime


class WaitingMessage(Shape):
    """A command that was accepted and is not applied yet."""

    task: str
    merchant_id: UUID | None
    waits_for: Literal["account", "target", "time"]
    correlation_id: str
    arrived_at: datetime
    due_at: datetime
    park_at: datetime


class Parked(Shape):
    """A message that a person must look at, or has."""

    name: str
    merchant_id: UUID | None
    state: Literal["parked", "replayed", "dismissed"]
    reason: str
    field: str | None
    detail: str
    correlation_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    count: Annotated[int, Field(ge=1)]


class Became(Shape):
    """What became of a reference."""

    reference_type: str
    reference_id: str
    status: Literal["posted", "recorded", "declined", "waiting", "parked", "unknown"]
    transaction: Claimed | None
    waiting: list[WaitingMessage]
    parked: list[Parked]


class AvailabilityAnswer(Answer[Availability]):
    """The envelope round one merchant's account."""


class AvailabilitiesAnswer(Answer[list[OfMerchant]]):
    """The envelope round several merchants' accounts."""


class ReferenceAnswer(Answer[Became]):
    """The envelope round what became of a reference."""
