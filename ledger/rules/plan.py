"""The plan: folds a batch of requests over the books, in order, into what is to be written.

Cutting the same requests into other batches gives the same outcomes, balances, events and sequences.
The order of checks is the same for every movement: replay, conflict, account, rules, funds.
"""

from collections.abc import Iterable
from uuid import UUID

from ledger import events
from ledger.commands import MAX_BALANCE, OpenAccount
from ledger.events import Event
from ledger.identifiers import new_id
from ledger.outcomes import SHOP_DIFFERS, DeclineReason, Outcome, ParkReason, Status
from ledger.requests import Request
from ledger.rules.alerts import alerts_after
from ledger.rules.idempotency import held_by, is_same, replay
from ledger.rules.movements import movement_of
from ledger.rules.state import (
    AccountState,
    Books,
    Difference,
    Entry,
    Held,
    Movement,
    Operation,
    Parked,
    Plan,
    Policy,
    Waiting,
)
from ledger.rules.telling import event_data


def plan(requests: Iterable[Request | Waiting], books: Books, policy: Policy) -> Plan:
    """Decide every request in order. Moves `books` on and returns what is to be written.

    A Waiting among the requests is a stored one whose time has come; it leaves its row once decided.
    """
    planner = _Planner(books, policy)
    for item in requests:
        waiting = item if isinstance(item, Waiting) else Waiting(item)
        planner.plan.outcomes.append(planner.decide(waiting))
    return planner.plan


class _Planner:
    """One batch's plan in the making."""

    def __init__(self, books: Books, policy: Policy) -> None:
        self.books = books
        self.policy = policy
        self.plan = Plan()

    def decide(self, waiting: Waiting) -> Outcome:
        outcome = self._decide(waiting, waiting.request)
        if waiting.row is not None and outcome.status is not Status.WAITING:
            self.plan.taken.append(waiting.row)
        return outcome

    def _decide(self, waiting: Waiting, request: Request) -> Outcome:
        if request.due_at is not None:
            outcome = self._wait(waiting)
        elif isinstance(request.command, OpenAccount):
            outcome = self._open(request, request.command)
        else:
            outcome = self._move(waiting, movement_of(request.command, self.policy))
        self.plan.decided.append((request, outcome))
        return outcome

    def _open(self, request: Request, command: OpenAccount) -> Outcome:
        account = self.books.accounts.get(command.merchant_id)
        if account is not None:
            return self._unchanged(account, request, command)
        account = self.books.opening.pop(command.merchant_id)
        self.books.accounts[command.merchant_id] = account
        outcome = Outcome(
            Status.POSTED, merchant_id=command.merchant_id, balance=0, reference_id=str(command.merchant_id)
        )
        self._decide_waiting(command.merchant_id)
        return outcome

    def _unchanged(self, account: AccountState, request: Request, command: OpenAccount) -> Outcome:
        shop = (command.platform_name, command.platform_shop_id, command.shop_domain)
        differs = shop != (account.platform_name, account.platform_shop_id, account.shop_domain)
        if differs:
            self.plan.differences.append(
                Difference(
                    account_id=account.id,
                    platform_name=command.platform_name,
                    platform_shop_id=command.platform_shop_id,
                    shop_domain=command.shop_domain,
                    correlation_id=request.correlation_id,
                )
            )
        return Outcome(
            Status.UNCHANGED,
            merchant_id=account.merchant_id,
            balance=account.balance,
            reference_id=str(account.merchant_id),
            reason=SHOP_DIFFERS if differs else None,
        )

    def _decide_waiting(self, merchant_id: UUID) -> None:
        """Decide, in order of arrival, what was waiting for this account: the stored first, then this batch's own."""
        stored = self.books.waiting.pop(merchant_id, [])
        own: list[Waiting] = []
        others: list[Waiting] = []
        for waiting in self.plan.waiting:
            is_own = waiting.request.command.merchant_id == merchant_id and waiting.request.due_at is None
            (own if is_own else others).append(waiting)
        self.plan.waiting = others
        for waiting in [*stored, *own]:
            self.decide(waiting)

    def _move(self, waiting: Waiting, movement: Movement) -> Outcome:
        held = self.books.held.get((movement.reference_type, movement.reference_id))
        if held is not None:
            if is_same(held, movement):
                return replay(held, movement)
            return self._conflict(waiting.request, held, movement)
        account = self.books.accounts.get(movement.merchant_id)
        if account is None:
            return self._wait(waiting)
        reason = _refusal(account, movement)
        if reason is not None:
            return self._decline(account, waiting.request, movement, reason)
        return self._post(account, waiting.request, movement)

    def _conflict(self, request: Request, held: Held, movement: Movement) -> Outcome:
        detail = f"{movement.reference_type}/{movement.reference_id} is held by another request"
        self.plan.parked.append(
            Parked(
                request=request,
                reason=ParkReason.IDEMPOTENCY_CONFLICT,
                detail=detail,
                conflicts_with=held.transaction_id,
            )
        )
        return Outcome(
            Status.PARKED,
            merchant_id=movement.merchant_id,
            amount=movement.amount,
            reference_type=movement.reference_type,
            reference_id=movement.reference_id,
            reason=f"{ParkReason.IDEMPOTENCY_CONFLICT}: reference_id: {detail}",
        )

    def _wait(self, waiting: Waiting) -> Outcome:
        if waiting.row is None:
            self.plan.waiting.append(waiting)
        return Outcome(Status.WAITING, merchant_id=waiting.request.command.merchant_id)

    def _decline(self, account: AccountState, request: Request, movement: Movement, reason: DeclineReason) -> Outcome:
        entry = self._enter(account, request, movement, before=account.balance, reason=reason)
        if reason is DeclineReason.INSUFFICIENT_CREDITS:
            self._tell(account, entry, events.INSUFFICIENT)
        return _outcome(entry)

    def _post(self, account: AccountState, request: Request, movement: Movement) -> Outcome:
        before = account.balance
        if movement.operation is Operation.CREDIT:
            account.balance += movement.amount
            account.total_granted += movement.amount
        else:
            account.balance -= movement.amount
            account.total_consumed += movement.amount
        account.sequence += 1
        entry = self._enter(account, request, movement, before=before, reason=None)
        self._tell(account, entry, events.GRANTED if movement.operation is Operation.CREDIT else events.CONSUMED)
        for alert in alerts_after(account, operation=movement.operation, before=before, policy=self.policy):
            self._tell(account, entry, alert)
        return _outcome(entry)

    def _enter(
        self,
        account: AccountState,
        request: Request,
        movement: Movement,
        *,
        before: int,
        reason: DeclineReason | None,
    ) -> Entry:
        """Record the transaction for a movement that has been decided, and let it hold its reference."""
        account.updated_at = max(self.books.now, account.updated_at)
        entry = Entry(
            id=new_id(),
            account_id=account.id,
            merchant_id=account.merchant_id,
            sequence=None if reason else account.sequence,
            status=Status.DECLINED if reason else Status.POSTED,
            kind=movement.kind,
            operation=movement.operation,
            amount=movement.amount,
            stated_amount=movement.stated_amount,
            balance_before=before,
            balance_after=account.balance,
            total_granted=account.total_granted,
            total_consumed=account.total_consumed,
            reference_type=movement.reference_type,
            reference_id=movement.reference_id,
            reason=reason or "",
            description=movement.description,
            metadata=movement.metadata,
            correlation_id=request.correlation_id,
            created_at=account.updated_at,
        )
        self.plan.entries.append(entry)
        self.plan.accounts[account.id] = account
        self.books.held[(entry.reference_type, entry.reference_id)] = held_by(entry)
        return entry

    def _tell(self, account: AccountState, entry: Entry, event_type: str) -> None:
        account.event_sequence += 1
        event = Event(
            event_type=event_type,
            transaction_id=entry.id,
            correlation_id=entry.correlation_id,
            occurred_at=entry.created_at,
            account_sequence=account.event_sequence,
            transaction_sequence=entry.sequence,
            data=event_data(event_type, account, entry, self.policy),
        )
        self.plan.events.append((account.id, event))


def _refusal(account: AccountState, movement: Movement) -> DeclineReason | None:
    if movement.operation is Operation.CREDIT:
        return DeclineReason.BALANCE_LIMIT if account.balance + movement.amount > MAX_BALANCE else None
    return DeclineReason.INSUFFICIENT_CREDITS if movement.amount > account.balance else None


def _outcome(entry: Entry) -> Outcome:
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
