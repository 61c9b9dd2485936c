"""Books on paper: what a ledger keeps between two plans, held as plain dicts. Written and read again like real rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from ledger.commands import OpenAccount
from ledger.events import Event
from ledger.outcomes import Outcome
from ledger.requests import Request
from ledger.rules import plan
from ledger.rules.state import AccountState, Books, Difference, Entry, Held, Parked, Policy, Reference, Waiting
from tests.ledger.sequences import NOW


class PaperLedger:
    """Accounts, entries and events as plans left them; each plan sees only what the one before it wrote."""

    def __init__(self, policy: Policy, *accounts: AccountState) -> None:
        self.policy = policy
        self.accounts = {account.merchant_id: account for account in accounts}
        self.held: dict[Reference, Held] = {}
        self.waiting: dict[int, Request] = {}
        self.outcomes: list[Outcome] = []
        self.entries: list[Entry] = []
        self.events: list[tuple[UUID, Event]] = []
        self.parked: list[Parked] = []
        self.differences: list[Difference] = []
        self._rows = 0

    def post(self, *requests: Request, now: datetime = NOW) -> list[Outcome]:
        """Decide requests as one batch."""
        outcomes = self._post([Waiting(request) for request in requests], now)
        self.outcomes += outcomes
        return outcomes

    def sweep(self, *, at_most: int = 500, now: datetime = NOW) -> int:
        """Decide the oldest of what is stored and whose account is open, once everybody's time has come.

        Nobody is told these outcomes.
        """
        self.waiting = {row: replace(request, due_at=None) for row, request in self.waiting.items()}
        ready = [Waiting(request, row) for row, request in self.waiting.items() if self._is_ready(request)]
        self._post(ready[:at_most], now)
        return len(ready[:at_most])

    def _post(self, batch: Sequence[Waiting], now: datetime) -> list[Outcome]:
        books = self._load([waiting.request for waiting in batch], now)
        result = plan(batch, books, self.policy)
        self.accounts.update({account.merchant_id: account for account in result.accounts.values()})
        self.held.update({(entry.reference_type, entry.reference_id): _as_read(entry) for entry in result.entries})
        for row in result.taken:
            self.waiting.pop(row, None)
        for waiting in result.waiting:
            self._rows += 1
            self.waiting[self._rows] = waiting.request
        self.entries += result.entries
        self.events += result.events
        self.parked += result.parked
        self.differences += result.differences
        return result.outcomes

    def _load(self, requests: Sequence[Request], now: datetime) -> Books:
        opening: dict[UUID, AccountState] = {}
        for request in requests:
            command = request.command
            if isinstance(command, OpenAccount) and not request.due_at and command.merchant_id not in self.accounts:
                opening.setdefault(command.merchant_id, _opened(command, now))
        open_before = {merchant: replace(account) for merchant, account in self.accounts.items()}
        self.accounts.update({merchant: replace(account) for merchant, account in opening.items()})
        waiting = {merchant: self._waits_for(merchant) for merchant in opening}
        return Books(now=now, accounts=open_before, opening=opening, held=dict(self.held), waiting=waiting)

    def _waits_for(self, merchant_id: UUID) -> list[Waiting]:
        return [
            Waiting(request, row)
            for row, request in self.waiting.items()
            if request.command.merchant_id == merchant_id and request.due_at is None
        ]

    def _is_ready(self, request: Request) -> bool:
        return isinstance(request.command, OpenAccount) or request.command.merchant_id in self.accounts


def _opened(command: OpenAccount, now: datetime) -> AccountState:
    return AccountState(
        id=uuid4(),
        merchant_id=command.merchant_id,
        platform_name=command.platform_name,
        platform_shop_id=command.platform_shop_id,
        shop_domain=command.shop_domain,
        updated_at=now,
    )


def _as_read(entry: Entry) -> Held:
    """The entry as a later batch reads it from its row."""
    columns: dict[str, Any] = {
        name: getattr(entry, name) for name in ("merchant_id", "operation", "status", "amount", "stated_amount")
    }
    return Held(**columns, transaction_id=entry.id, balance=entry.balance_after, reason=entry.reason or None)
