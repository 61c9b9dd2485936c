"""Bookkeeping: the one hand that changes accounts, lots (rules/lot_keeping.py) and holds, all entered into the plan."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import events
from ledger.events import Event
from ledger.identifiers import new_id, new_salt
from ledger.outcomes import DeclineReason, Outcome, Status
from ledger.rules.alerts import alerts_after
from ledger.rules.batch import Books, Plan
from ledger.rules.chain import content_digest, row_digest
from ledger.rules.holding import HoldState, HoldStatus
from ledger.rules.lot_keeping import LotKeeper, look_again
from ledger.rules.lots import Allocations
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Entry, Kind, Operation, Policy
from ledger.rules.telling import Cause, event_data


class Bookkeeper:
    """Keeps one batch's books: what the rules decide is carried out here, and nowhere else."""

    def __init__(self, books: Books, policy: Policy) -> None:
        self.books = books
        self.policy = policy
        self.plan = Plan()
        self.lots = LotKeeper(self.plan, policy)

    def now(self, account: AccountState) -> datetime:
        """The time on this account: the batch's, or that of its newest change where the clock has gone back."""
        return max(self.books.now, account.updated_at)

    # Transactions.

    def post(
        self,
        account: AccountState,
        movement: Movement,
        *,
        amount: int,
        allocations: Allocations = (),
        target_id: UUID | None = None,
        at: datetime | None = None,
    ) -> Entry:
        """Move credits: the balance, the total that the movement belongs to, and a row with the next sequence."""
        before = account.balance
        add_to_totals(account, kind=movement.kind, operation=movement.operation, amount=amount)
        account.sequence += 1
        return self._enter(
            account,
            movement,
            status=Status.POSTED,
            amount=amount,
            before=before,
            allocations=allocations,
            target_id=target_id,
            at=at,
        )

    def record(self, account: AccountState, movement: Movement, *, amount: int, target_id: UUID | None = None) -> Entry:
        """Claim a reference for what moves no credits, or not yet."""
        return self._enter(
            account, movement, status=Status.RECORDED, amount=amount, before=account.balance, target_id=target_id
        )

    def decline(
        self,
        account: AccountState,
        movement: Movement,
        reason: DeclineReason,
        *,
        amount: int,
        target_id: UUID | None = None,
        at: datetime | None = None,
    ) -> Entry:
        """Store a refusal, which claims its reference too, and tell it."""
        entry = self._enter(
            account,
            movement,
            status=Status.DECLINED,
            amount=amount,
            before=account.balance,
            reason=reason,
            target_id=target_id,
            at=at,
        )
        if reason is DeclineReason.INSUFFICIENT_CREDITS:
            self.tell(account, entry, events.INSUFFICIENT)
        else:
            self.tell(account, entry, events.DECLINED, reason=str(reason))
        return entry

    def _enter(
        self,
        account: AccountState,
        movement: Movement,
        *,
        status: Status,
        amount: int,
        before: int,
        reason: DeclineReason | None = None,
        allocations: Allocations = (),
        target_id: UUID | None = None,
        at: datetime | None = None,
    ) -> Entry:
        created_at = self.date(account, at or self.books.now)
        account.rows += 1
        has_content = movement.description or movement.metadata
        salt = new_salt() if has_content else ""
        values: dict[str, Any] = {
            "id": new_id(),
            "account_id": account.id,
            "merchant_id": account.merchant_id,
            "number": account.rows,
            "sequence": account.sequence if status is Status.POSTED else None,
            "status": status,
            "kind": movement.kind,
            "operation": movement.operation,
            "amount": amount,
            "stated_amount": movement.stated_amount,
            "balance_before": before,
            "balance_after": account.balance,
            "total_granted": account.total_granted,
            "total_consumed": account.total_consumed,
            "total_expired": account.total_expired,
            "reference_type": movement.reference_type,
            "reference_id": movement.reference_id,
            "target_id": target_id,
            "allocations": allocations,
            "terms": movement.terms.as_json(),
            "reason": reason or "",
            "actor": movement.actor,
            "producer": movement.producer,
            "correlation_id": movement.correlation_id,
            "created_at": created_at,
            "content_digest": content_digest(movement.description, movement.metadata, salt=salt),
        }
        account.head = row_digest(account.head, values)
        entry = Entry(
            **values,
            description=movement.description,
            metadata=movement.metadata,
            salt=salt,
            digest=account.head,
        )
        self.plan.entries.append(entry)
        self.books.entered[movement.reference] = entry
        return entry

    def date(self, account: AccountState, at: datetime) -> datetime:
        """When a change counts as made: at that moment, but never before the account's newest change."""
        account.updated_at = max(at, account.updated_at)
        self.plan.accounts[account.id] = account
        return account.updated_at

    # Events.

    def tell(self, account: AccountState, cause: Entry | Cause, event_type: str, **more: Any) -> None:
        """Record an event of the cause; more is what it says beyond the account and the cause."""
        account.event_sequence += 1
        event = Event(
            event_type=event_type,
            transaction_id=cause.id,
            correlation_id=cause.correlation_id,
            occurred_at=cause.created_at,
            account_sequence=account.event_sequence,
            transaction_sequence=cause.sequence,
            data=event_data(event_type, account, cause, self.policy, more=more),
        )
        self.plan.events.append((account.id, event))

    def alert(self, account: AccountState, entry: Entry) -> None:
        """Tell the alerts that follow a posted entry."""
        told = alerts_after(account, operation=entry.operation, before=entry.balance_before, policy=self.policy)
        for event_type in told:
            self.tell(account, entry, event_type)

    # Holds.

    def place_hold(self, account: AccountState, entry: Entry, *, took: Allocations, expires_at: datetime) -> HoldState:
        """Set aside parts of lots."""
        hold = HoldState(
            id=entry.id,
            account_id=account.id,
            reference_type=entry.reference_type,
            reference_id=entry.reference_id,
            amount=entry.amount,
            took=took,
            expires_at=expires_at,
            correlation_id=entry.correlation_id,
        )
        account.held += hold.amount
        account.holds[hold.id] = hold
        self.plan.new_holds[hold.id] = hold
        for lot_id, part in took:
            lot = account.lots[lot_id]
            lot.held += part
            self.lots.touch(lot)
        look_again(account, expires_at)
        return hold

    def resolve_hold(
        self, account: AccountState, hold: HoldState, status: HoldStatus, *, at: datetime, captured: int = 0
    ) -> None:
        """End a hold: what it had set aside is free again, or about to be taken."""
        hold.status, hold.captured, hold.resolved_at = status, captured, self.date(account, at)
        account.held -= hold.amount
        if hold.id not in self.plan.new_holds:
            self.plan.holds[hold.id] = hold
        for lot_id, part in hold.took:
            lot = account.lots[lot_id]
            lot.held -= part
            self.lots.touch(lot)
            self.lots.watch(account, lot)


def outcome_of(entry: Entry) -> Outcome:
    """What became of the request that an entry was made for."""
    return Outcome(
        entry.status,
        merchant_id=entry.merchant_id,
        transaction_id=entry.id,
        amount=entry.amount,
        balance=entry.balance_after,
        reference_type=entry.reference_type,
        reference_id=entry.reference_id,
        reason=entry.reason or None,
    )


def add_to_totals(account: AccountState, *, kind: Kind, operation: Operation, amount: int) -> None:
    """Add to the balance and to one total; a reversal lowers the total that it undoes."""
    if operation is Operation.CREDIT:
        account.balance += amount
        if kind is Kind.REVERSE:
            account.total_consumed -= amount
        else:
            account.total_granted += amount
        return
    account.balance -= amount
    if kind is Kind.REVERSE:
        account.total_granted -= amount
    elif kind is Kind.EXPIRE:
        account.total_expired += amount
    else:
        account.total_consumed += amount
