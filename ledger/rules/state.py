"""What the rules read and move on: the policy, the accounts, and the transactions that hold references."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from ledger.outcomes import Status
from ledger.rules.holding import HoldState
from ledger.rules.lots import Allocations, Lots


class Alerts(StrEnum):
    """When a balance below the threshold is told."""

    CROSSING = "crossing"  # once, until the balance has recovered
    EVERY = "every"  # at every consumption, as the predecessor did


class Operation(StrEnum):
    """Which way credits move, seen from the merchant's account."""

    CREDIT = "credit"
    DEBIT = "debit"


class Kind(StrEnum):
    """The house account on the other side of a transaction, or what a row that moves nothing records."""

    TRIAL = "trial"
    PURCHASE = "purchase"
    GRANT = "grant"
    ADJUST = "adjust"
    CONSUME = "consume"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REVERSE = "reverse"
    EXPIRE = "expire"
    IMPORT = "import"


Reference = tuple[str, str]  # (reference_type, reference_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings that rules depend on; amounts in whole credits."""

    trial_credits: int = 500
    trials_expire: bool = False
    low_balance_threshold: int = 100
    alerts: Alerts = Alerts.CROSSING
    expiring_soon: timedelta = timedelta(days=7)


@dataclass(slots=True, kw_only=True)
class AccountState:
    """An account under its lock, as the plan moves it on.

    held is what open holds have set aside of the balance. low_balance_threshold is its own one, if it has one.
    next_due_at is a moment before which nothing falls due on it. rows and head are where its hash chain stands.
    lots are the open ones, and those that a reversal may give back to; holds likewise. Where the batch can do no more
    than burn lots, only the first ones may be there (ledger.rules.reach).
    """

    id: UUID
    merchant_id: UUID
    platform_name: str
    platform_shop_id: str
    shop_domain: str
    shop_changed_at: datetime | None = None
    balance: int = 0
    held: int = 0
    total_granted: int = 0
    total_consumed: int = 0
    total_expired: int = 0
    sequence: int = 0
    event_sequence: int = 0
    rows: int = 0
    head: str = ""
    armed: bool = True
    frozen: bool = False
    low_balance_threshold: int | None = None
    next_due_at: datetime | None = None
    updated_at: datetime
    lots: Lots = field(default_factory=Lots)
    holds: dict[UUID, HoldState] = field(default_factory=dict)

    @property
    def available(self) -> int:
        """What can be spent or held, in credits."""
        return self.balance - self.held

    def is_due(self, now: datetime) -> bool:
        """Whether something may fall due on it by now, or by its newest change where the clock has gone back."""
        return self.next_due_at is not None and self.next_due_at <= max(now, self.updated_at)

    def threshold(self, policy: Policy) -> int:
        """Below how many credits its balance is low."""
        return policy.low_balance_threshold if self.low_balance_threshold is None else self.low_balance_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """The transaction that holds a reference: what a replay, a conflict or a request that aims at it needs of it."""

    transaction_id: UUID
    merchant_id: UUID
    kind: Kind
    operation: Operation
    status: Status
    amount: int
    stated_amount: int | None
    balance: int
    reason: str | None
    target_id: UUID | None
    allocations: Allocations
    retried_by: UUID | None = None


class Entry(NamedTuple):
    """A transaction to be written; its fields are the table's columns.

    terms are what its request said beyond amount and reference; allocations say of which lots a debit took how
    much, and to which a reversal gave back. digest is the account's chain up to here: see ledger.rules.chain.
    A tuple, because a frozen dataclass of so many fields takes seven times as long to make.
    """

    id: UUID
    account_id: UUID
    merchant_id: UUID
    number: int
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
    total_expired: int
    reference_type: str
    reference_id: str
    target_id: UUID | None
    allocations: Allocations
    terms: Mapping[str, Any]
    reason: str
    description: str
    metadata: Mapping[str, Any]
    actor: str
    producer: str
    correlation_id: str
    created_at: datetime
    salt: str
    content_digest: str
    digest: str
