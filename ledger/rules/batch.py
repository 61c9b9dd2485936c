"""A batch: what is loaded for it under the locks, and the plan of what is to be written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ledger.events import Event
from ledger.outcomes import Outcome, ParkReason
from ledger.requests import Request
from ledger.rules.holding import HoldState
from ledger.rules.lots import Lot
from ledger.rules.movements import Movement, movement_of
from ledger.rules.state import AccountState, Claimed, Entry, Kind, Policy, Reference


class Waiting(NamedTuple):
    """A request that waits for its account, its target or its time; row is its row's id where it is stored already."""

    request: Request
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the row of a credit that is not effective yet says, for the one that will post it."""

    kind: Kind
    description: str
    metadata: Mapping[str, Any]
    actor: str


@dataclass(slots=True, kw_only=True)
class Books:
    """What was loaded under the locks for one batch.

    accounts holds the open ones. opening holds those whose row this very batch has inserted: they open when the
    batch reaches the request that opens them. waiting holds the stored requests of opening accounts, oldest first.
    claimed holds the transactions whose references the batch names, as its own or as what it aims at; entered, those
    that the batch itself has made; reversed, by transaction, how many of its credits were reversed; recorded, by lot,
    the rows of credits that fall due. movements is what the batch's requests ask for, by their identity, where that
    was asked before: to make it takes as long as anything else that is done with a request.
    """

    now: datetime
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    opening: dict[UUID, AccountState] = field(default_factory=dict)
    claimed: dict[Reference, Claimed] = field(default_factory=dict)
    entered: dict[Reference, Entry] = field(default_factory=dict)
    reversed: dict[UUID, int] = field(default_factory=dict)
    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    waiting: dict[UUID, list[Waiting]] = field(default_factory=dict)
    movements: dict[int, Movement] = field(default_factory=dict)

    def movement_of(self, request: Request, policy: Policy) -> Movement:
        """What a request asks for. Raises KeyError for a command that moves nothing."""
        return self.movements.get(id(request)) or movement_of(request, policy)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of an account that moves no credits: what was changed from what to what, by whom and why."""

    account_id: UUID
    what: str
    before: str
    after: str
    actor: str
    reason: str
    correlation_id: str
    changed_at: datetime


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be written for one batch; outcomes stand in the order of its requests.

    decided holds every request with its outcome, those that had waited for an account of this batch included.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    decided: list[tuple[Request, Outcome]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    accounts: dict[UUID, AccountState] = field(default_factory=dict)
    new_lots: dict[UUID, Lot] = field(default_factory=dict)
    lots: dict[UUID, Lot] = field(default_factory=dict)
    new_holds: dict[UUID, HoldState] = field(default_factory=dict)
    holds: dict[UUID, HoldState] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    events: list[tuple[UUID, Event]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
