"""Books on paper: what a ledger keeps between two plans, held as plain dicts. Written and read again like real rows."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from ledger.commands import OpenAccount
from ledger.events import Event
from ledger.fields import Category
from ledger.outcomes import Outcome, Status
from ledger.requests import Request
from ledger.rules import plan
from ledger.rules.batch import Books, Change, Difference, Parked, Plan, Recorded, Waiting
from ledger.rules.holding import HoldState, HoldStatus
from ledger.rules.lots import Lot, Lots
from ledger.rules.movements import movement_of, moves, target_of
from ledger.rules.reach import burnt_at_most
from ledger.rules.state import AccountState, Claimed, Entry, Kind, Policy, Reference
from tests.ledger.sequences import NOW

OPENING = ("opening", "balance")


class PaperLedger:
    """Accounts, lots, holds, entries and events as plans left them; each plan sees only what those before it wrote."""

    def __init__(self, policy: Policy, *accounts: AccountState) -> None:
        self.policy = policy
        self.accounts = {account.merchant_id: account for account in accounts}
        self.lots: dict[UUID, Lot] = {lot.id: lot for account in accounts for lot in account.lots}
        self.holds: dict[UUID, HoldState] = {}
        self.waiting: dict[int, Request] = {}
        self.outcomes: list[Outcome] = []
        self.entries: list[Entry] = []
        self.by_reference: dict[Reference, Entry] = {}
        self.events: list[tuple[UUID, Event]] = []
        self.parked: list[Parked] = []
        self.differences: list[Difference] = []
        self.changes: list[Change] = []
        self._rows = 0

    def fill(self, merchant_id: UUID, credits: int) -> None:
        """Give an account so many credits more, by a lot that no transaction tells of."""
        account = self.accounts[merchant_id]
        account.balance += credits
        account.total_granted += credits
        lot = Lot(
            id=uuid4(),
            account_id=account.id,
            reference_type=OPENING[0],
            reference_id=OPENING[1],
            category=Category.PROMOTIONAL,
            effective_at=NOW,
            amount=credits,
            remaining=credits,
            sequence=0,
            correlation_id="",
        )
        self.lots[lot.id] = lot

    def post(self, *requests: Request, now: datetime = NOW) -> list[Outcome]:
        """Decide requests as one batch."""
        outcomes = self._post([Waiting(request) for request in requests], now)
        self.outcomes += outcomes
        return outcomes

    def post_due(self, *merchants: UUID, now: datetime) -> None:
        """Post what is due on these merchants' accounts, or on all of them."""
        self._post([], now, merchants=merchants or tuple(self.accounts))

    def due(self, merchant_id: UUID, *, now: datetime) -> Plan:
        """What an empty post would write; writes nothing."""
        return plan([], self._load([], now, merchants=[merchant_id]), self.policy)

    def sweep(self, *, at_most: int = 500, now: datetime = NOW) -> int:
        """Decide the oldest of what is stored and whose account and target are there, once everybody's time has come.

        Nobody is told these outcomes.
        """
        self.waiting = {row: request._replace(due_at=None) for row, request in self.waiting.items()}
        ready = [Waiting(request, row) for row, request in self.waiting.items() if self._is_ready(request)]
        self._post(ready[:at_most], now)
        return len(ready[:at_most])

    def _post(self, batch: Sequence[Waiting], now: datetime, merchants: Sequence[UUID] = ()) -> list[Outcome]:
        books = self._load([waiting.request for waiting in batch], now, merchants)
        result = plan(batch, books, self.policy)
        self.accounts.update({account.merchant_id: _row(account) for account in result.accounts.values()})
        for lots in (result.new_lots, result.lots):
            self.lots.update(deepcopy(lots))
        for holds in (result.new_holds, result.holds):
            self.holds.update(deepcopy(holds))
        self.by_reference.update({(entry.reference_type, entry.reference_id): entry for entry in result.entries})
        for row in result.taken:
            self.waiting.pop(row, None)
        for waiting in result.waiting:
            self._rows += 1
            self.waiting[self._rows] = waiting.request
        self.entries += result.entries
        self.events += result.events
        self.parked += result.parked
        self.differences += result.differences
        self.changes += result.changes
        return result.outcomes

    def _load(self, requests: Sequence[Request], now: datetime, merchants: Sequence[UUID] = ()) -> Books:
        ready = [request for request in requests if request.due_at is None]
        opening: dict[UUID, AccountState] = {}
        for request in ready:
            command = request.command
            if isinstance(command, OpenAccount) and command.merchant_id not in self.accounts:
                opening.setdefault(command.merchant_id, _opened(command, now))
        waiting = {merchant: self._waits_for(merchant) for merchant in opening}
        stored = [item.request for items in waiting.values() for item in items]
        touched = {*merchants, *(request.command.merchant_id for request in ready)}
        movements = [movement_of(r, self.policy) for r in (*ready, *stored) if moves(r.command)]
        targets = {movement.terms.target for movement in movements if movement.terms.target}
        aimed_at = [self.by_reference[target] for target in targets if target in self.by_reference]
        open_before = {
            merchant: self._loaded(self.accounts[merchant], aimed_at) for merchant in touched & {*self.accounts}
        }
        for account in open_before.values():
            for burnt in burnt_at_most([account], movements, now=now).values():
                account.lots = _no_more_than(burnt, account.lots)
        self.accounts.update({merchant: _row(account) for merchant, account in opening.items()})
        references = {movement.reference for movement in movements} | targets
        return Books(
            now=now,
            accounts=open_before,
            opening=opening,
            claimed={ref: _as_read(entry) for ref, entry in self.by_reference.items() if ref in references},
            reversed={entry.id: self.reversed_of(entry.id) for entry in aimed_at},
            recorded={
                lot.id: self._recorded(lot.id)
                for account in open_before.values()
                if account.is_due(now)
                for lot in account.lots
                if lot.pending and lot.effective_at <= max(now, account.updated_at)
            },
            waiting=waiting,
        )

    def reversed_of(self, transaction_id: UUID) -> int:
        """How many credits of a transaction were reversed."""
        return sum(
            entry.amount
            for entry in self.entries
            if entry.target_id == transaction_id and entry.kind is Kind.REVERSE and entry.status is Status.POSTED
        )

    def _loaded(self, row: AccountState, aimed_at: Sequence[Entry]) -> AccountState:
        """The account with its open lots and holds, and those aimed at."""
        named = {entry.id for entry in aimed_at}
        lots_named = named | {lot_id for entry in aimed_at for lot_id, _ in entry.allocations}
        lots = [lot for lot in self.lots.values() if lot.is_open or lot.id in lots_named]
        holds = [hold for hold in self.holds.values() if hold.status is HoldStatus.OPEN or hold.id in named]
        account = replace(row)
        account.lots = Lots(deepcopy([lot for lot in lots if lot.account_id == row.id]))
        account.holds = {hold.id: deepcopy(hold) for hold in holds if hold.account_id == row.id}
        return account

    def _recorded(self, lot_id: UUID) -> Recorded:
        entry = next(entry for entry in self.entries if entry.id == lot_id)
        return Recorded(kind=entry.kind, description=entry.description, metadata=entry.metadata, actor=entry.actor)

    def _waits_for(self, merchant_id: UUID) -> list[Waiting]:
        return [
            Waiting(request, row)
            for row, request in self.waiting.items()
            if request.command.merchant_id == merchant_id and request.due_at is None
        ]

    def _is_ready(self, request: Request) -> bool:
        command = request.command
        if isinstance(command, OpenAccount):
            return True
        target = target_of(command)
        if target is not None:
            entry = self.by_reference.get(target)
            return entry is not None and entry.merchant_id == command.merchant_id
        return command.merchant_id in self.accounts


def _no_more_than(burnt: int, lots: Lots) -> Lots:
    """Those of an account's lots that burn first, as few as hold so many credits."""
    first: list[Lot] = []
    for lot in sorted((lot for lot in lots if not lot.pending), key=Lot.burns_before):
        if sum(lot.free for lot in first) < burnt:
            first.append(lot)
    return Lots(first, are_all=False)


def _row(account: AccountState) -> AccountState:
    """The account's own row, without lots and holds."""
    return replace(account, lots=Lots(), holds={})


def _opened(command: OpenAccount, now: datetime) -> AccountState:
    return AccountState(
        id=uuid4(),
        merchant_id=command.merchant_id,
        platform_name=command.platform_name,
        platform_shop_id=command.platform_shop_id,
        shop_domain=command.shop_domain,
        updated_at=now,
    )


def _as_read(entry: Entry) -> Claimed:
    """The entry as a later batch reads it from its row."""
    names = ("merchant_id", "kind", "operation", "status", "amount", "stated_amount", "target_id", "allocations")
    columns: dict[str, Any] = {name: getattr(entry, name) for name in names}
    return Claimed(**columns, transaction_id=entry.id, balance=entry.balance_after, reason=entry.reason or None)
