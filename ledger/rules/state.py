"""What the rules read and what they produce: accounts, entries, the policy, the books of a batch and its plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ledger.events import Event
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.requests import Request


class Alerts(StrEnum):
    """When a balance below the threshold is told."""

    CROSSING = "crossing"  # once, until the balance has recovered
    EVERY = "every"  # at every consumption, as the predecessor did


class Operation(StrEnum):
    """Which way credits move, seen from the merchant's account."""

    CREDIT = "credit"
    DEBIT = "debit"


class Kind(StrEnum):
    """The house account on the other side of a transaction."""

    TRIAL = "trial"
    PURCHASE = "purchase"
    GRANT = "grant"
    CONSUME = "consume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that rules depend on; amounts in whole credits."""

    trial_credits: int = 500
    low_balance_threshold: int = 100
    alerts: Alerts = Alerts.CROSSING


@dataclass(slots=True, kw_only=True)
class AccountState:
    """An account under its lock, as the plan moves it on."""

    id: UUID
    merchant_id: UUID
    platform_name: str
    platform_shop_id: str
    shop_domain: str
    balance: int = 0
    total_granted: int = 0
    total_consumed: int = 0
    sequence: int = 0
    event_sequence: int = 0
    armed: bool = True
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What a command asks for: credits to move, and the reference that it claims.

    stated_amount is the amount as the caller stated it; None where the rules chose it.
    """

    merchant_id: UUID
    operation: Operation
    kind: Kind
    amount: int
    stated_amount: int | None
    reference_type: str
    reference_id: str
    description: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The transaction that holds a reference: all that a replay or a conflict needs of it."""

    transaction_id: UUID
    merchant_id: UUID
    operation: Operation
    status: Status
    amount: int
    stated_amount: int | None
    balance: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transaction to be written; its fields are the table's columns."""

    id: UUID
    account_id: UUID
    merchant_id: UUID
    sequence: int | None
    status: Status
    kind: Kind
    operation: Operation
    amount: int
    stated_amount: int | None
    balance_before: int
    balance_after: int
    total_granted: int
    total_consumed: int
    reference_type: str
    reference_id: str
    reason: str
    description: str
    metadata: Mapping[str, Any]
    correlation_id: str
    created_at: datetime


Reference = tuple[str, str]  # (reference_type, reference_id)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for its account, or for its time; row is its row's id where it is stored already."""

    request: Request
    row: int | None = None


@dataclass(slots=True, kw_only=True)
class Books:
    """What was loaded under the locks for one batch.

    accounts holds the open ones. opening holds those whose row this very batch has inserted: they open when the
    batch reaches the request that opens them. waiting holds the stored requests of opening accounts, oldest first.
    """

    now: datetime
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    opening: dict[UUID, AccountState] = field(default_factory=dict)
    held: dict[Reference, Held] = field(default_factory=dict)
    waiting: dict[UUID, list[Waiting]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A request to be parked, with why; conflicts_with is the transaction that holds its reference."""

    request: Request
    reason: ParkReason
    detail: str = ""
    conflicts_with: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A later opening of an open account with another shop."""

    account_id: UUID
    platform_name: str
    platform_shop_id: str
    shop_domain: str
    correlation_id: str


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be written for one batch; outcomes stand in the order of its requests.

    decided holds every request with its outcome, those that had waited for an account of this batch included.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    decided: list[tuple[Request, Outcome]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    events: list[tuple[UUID, Event]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
