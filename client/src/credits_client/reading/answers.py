"""The answers' shapes. Amounts are whole credits; what a newer service says beside is left out."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Operation = Literal["credit", "debit"]


class Answer(BaseModel):
    """One answer; it never changes."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Account(Answer):
    """A merchant's account as another service sees it; sufficient is None where no amount was asked about."""

    merchant_id: UUID
    platform_name: str
    shop_domain: str
    balance: int
    available: int
    held: int
    total_granted: int
    total_consumed: int
    total_expired: int
    frozen: bool
    sufficient: bool | None


class Stored(Answer):
    """The transaction that holds a reference; balance is the one after it, reason why it was declined."""

    transaction_id: UUID
    merchant_id: UUID
    operation: Operation
    kind: str
    amount: int
    balance: int
    reason: str | None
    retried_by: UUID | None
    correlation_id: str
    created_at: datetime


class Waiting(Answer):
    """A command that was accepted and is not applied yet."""

    task: str
    merchant_id: UUID | None
    waits_for: Literal["account", "target", "time"]
    correlation_id: str
    arrived_at: datetime
    due_at: datetime
    park_at: datetime


class Parked(Answer):
    """A message that a person must look at, or has; reason and field say what is wrong with it."""

    name: str
    merchant_id: UUID | None
    state: Literal["parked", "replayed", "dismissed"]
    reason: str
    field: str | None
    detail: str
    correlation_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    count: int


class Became(Answer):
    """What became of a reference.

    unknown: nothing that was sent with it has reached the ledger, yet or ever, or only what a person has dealt with,
    which parked then shows.
    """

    reference_type: str
    reference_id: str
    status: Literal["posted", "recorded", "declined", "waiting", "parked", "unknown"]
    transaction: Stored | None
    waiting: tuple[Waiting, ...]
    parked: tuple[Parked, ...]


class Expiring(Answer):
    """So many credits expire at that moment, if nobody spends them before."""

    credits: int
    expires_at: datetime


class Credits(Answer):
    """A shop's account as its BFF sees it."""

    balance: int
    available: int
    held: int
    expiring_next: Expiring | None
    total_granted: int
    total_consumed: int
    total_expired: int
    platform_name: str
    shop_domain: str


class Transaction(Answer):
    """One posted transaction of a shop's history."""

    id: UUID
    amount: int
    operation: Operation
    kind: str
    balance_before: int
    balance_after: int
    reference_type: str
    reference_id: str
    description: str
    metadata: dict[str, Any]
    created_at: datetime


class Lot(Answer):
    """The credits of one purchase, trial or grant, and what is left of them."""

    id: UUID
    status: Literal["open", "pending", "closed", "void"]
    category: Literal["paid", "promotional"]
    priority: int
    amount: int
    remaining: int
    held: int
    effective_at: datetime
    expires_at: datetime | None
    reference_type: str
    reference_id: str
    description: str
    created_at: datetime


class Hold(Answer):
    """Credits set aside, and how that ended."""

    id: UUID
    status: Literal["open", "captured", "released", "expired"]
    amount: int
    captured: int
    expires_at: datetime
    resolved_at: datetime | None
    reference_type: str
    reference_id: str
    description: str
    created_at: datetime
