"""Simulation: what would become of requests, planned against the present books by the very same rules, unwritten."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ledger.journal.load import look
from ledger.outcomes import Outcome
from ledger.policy import current_policy
from ledger.requests import Request
from ledger.rules import plan
from ledger.rules.batch import Plan
from ledger.rules.state import AccountState
from ledger.snapshot import snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an account would come to, in whole credits, with all that is due by now; before is None for a new one."""

    merchant_id: UUID
    before: int | None
    after: int
    held: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """An outcome for each request, in order; the accounts that they name; and the types of the events to be told."""

    outcomes: list[Outcome]
    effects: list[Effect]
    events: dict[str, int]


def simulate(requests: Sequence[Request]) -> Simulation:
    """Plan requests as one batch and write nothing. Any cut into batches comes to the same."""
    policy = current_policy()
    with snapshot():
        books = look(requests, policy)
        before = {merchant_id: account.balance for merchant_id, account in books.accounts.items()}
        planned = plan(requests, books, policy)
    effects = [_effect(account, before.get(merchant_id)) for merchant_id, account in books.accounts.items()]
    return Simulation(outcomes=planned.outcomes, effects=effects, events=_events(planned))


def _effect(account: AccountState, before: int | None) -> Effect:
    return Effect(
        merchant_id=account.merchant_id,
        before=before,
        after=account.balance,
        held=account.held,
        available=account.available,
    )


def _events(planned: Plan) -> dict[str, int]:
    """How many events of each type."""
    counted: dict[str, int] = {}
    for _, event in planned.events:
        counted[event.event_type] = counted.get(event.event_type, 0) + 1
    return dict(sorted(counted.items()))
