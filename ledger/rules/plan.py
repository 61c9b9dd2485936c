"""The plan: folds a batch of requests over the books, in order, into what is to be written.

Cutting the same requests into other batches gives the same outcomes, balances, events and sequences: what is due on
an account is posted before and after each request that touches it. The order of checks is the same for every
movement: replay, conflict, account, target, rules, funds.
"""

from collections.abc import Callable, Iterable
from uuid import UUID

from ledger.commands import OpenAccount
from ledger.outcomes import SHOP_DIFFERS, Outcome, ParkReason, Status
from ledger.requests import Request
from ledger.rules.accounts import change, changes
from ledger.rules.batch import Books, Difference, Parked, Plan, Waiting
from ledger.rules.bookkeeping import Bookkeeper, outcome_of
from ledger.rules.credits import grant
from ledger.rules.due import post_due
from ledger.rules.holds import capture, hold, release
from ledger.rules.idempotency import claimed_by, is_same, replay
from ledger.rules.movements import Movement, moves
from ledger.rules.reversals import reverse
from ledger.rules.spending import consume
from ledger.rules.state import AccountState, Claimed, Entry, Kind, Operation, Policy, Reference

_AIMED: dict[Kind, Callable[[Bookkeeper, AccountState, Movement, Claimed], Entry]] = {
    Kind.CAPTURE: capture,
    Kind.RELEASE: release,
    Kind.REVERSE: reverse,
}


def plan(requests: Iterable[Request | Waiting], books: Books, policy: Policy) -> Plan:
    """Decide every request in order, and post what is due on every open account of the books.

    Moves `books` on and returns what is to be written. A Waiting among the requests is a stored one whose time has
    come; it leaves its row once decided.
    """
    planner = _Planner(books, policy)
    for item in requests:
        waiting = item if isinstance(item, Waiting) else Waiting(item)
        planner.plan.outcomes.append(planner.decide(waiting))
    for account in books.accounts.values():
        post_due(planner.keeper, account)
    return planner.plan


class _Planner:
    """One batch's plan in the making."""

    def __init__(self, books: Books, policy: Policy) -> None:
        self.books = books
        self.policy = policy
        self.keeper = Bookkeeper(books, policy)
        self.plan = self.keeper.plan

    def decide(self, waiting: Waiting) -> Outcome:
        outcome = self._decide(waiting, waiting.request)
        if waiting.row is not None and outcome.status is not Status.WAITING:
            self.plan.taken.append(waiting.row)
        return outcome

    def _decide(self, waiting: Waiting, request: Request) -> Outcome:
        account = self.books.accounts.get(request.command.merchant_id)
        if request.due_at is not None:
            outcome = self._wait(waiting)
        elif isinstance(request.command, OpenAccount):
            outcome = self._open(account, request, request.command)
        else:
            if account is not None:
                post_due(self.keeper, account)
            outcome = self._carry_out(account, waiting)
            if account is not None:
                post_due(self.keeper, account)
        self.plan.decided.append((request, outcome))
        return outcome

    def _open(self, account: AccountState | None, request: Request, command: OpenAccount) -> Outcome:
        if account is not None:
            post_due(self.keeper, account)
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
        before, self.plan.waiting = self.plan.waiting, others
        for waiting in [*stored, *own]:
            self.decide(waiting)
        # What waits on, for its target, keeps its place: the sweep posts in order of arrival.
        still = {id(waiting) for waiting in self.plan.waiting}
        self.plan.waiting = [waiting for waiting in before if id(waiting) in still]

    def _carry_out(self, account: AccountState | None, waiting: Waiting) -> Outcome:
        if not changes(waiting.request.command):
            return self._move(account, waiting, self.books.movement_of(waiting.request, self.policy))
        return self._wait(waiting) if account is None else change(self.keeper, account, waiting.request)

    def _move(self, account: AccountState | None, waiting: Waiting, movement: Movement) -> Outcome:
        target = self._target(movement)
        claimed = self._claimed(movement.reference)
        if claimed is not None:
            if is_same(claimed, movement, target):
                return replay(claimed, movement)
            return self._conflict(waiting.request, claimed, movement)
        if account is None:
            return self._wait(waiting)
        if movement.terms.target is not None:
            if target is None:
                return self._wait(waiting)
            return outcome_of(_AIMED[movement.kind](self.keeper, account, movement, target))
        return outcome_of(self._post(account, movement))

    def _claimed(self, reference: Reference) -> Claimed | None:
        """What holds a reference: a row, or an entry of this batch."""
        entry = self.books.entered.get(reference)
        return self.books.claimed.get(reference) if entry is None else claimed_by(entry)

    def _target(self, movement: Movement) -> Claimed | None:
        """The transaction that a movement aims at. Another merchant's is as good as none."""
        target = self._claimed(movement.terms.target) if movement.terms.target else None
        return target if target is not None and target.merchant_id == movement.merchant_id else None

    def _post(self, account: AccountState, movement: Movement) -> Entry:
        amount = movement.amount or 0
        if movement.kind is Kind.HOLD:
            return hold(self.keeper, account, movement, amount)
        if movement.operation is Operation.CREDIT:
            return grant(self.keeper, account, movement, amount)
        return consume(self.keeper, account, movement, amount)

    def _conflict(self, request: Request, claimed: Claimed, movement: Movement) -> Outcome:
        detail = f"{movement.reference_type}/{movement.reference_id} is held by another request"
        self.plan.parked.append(
            Parked(
                request=request,
                reason=ParkReason.IDEMPOTENCY_CONFLICT,
                detail=detail,
                conflicts_with=claimed.transaction_id,
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
        merchant_id = waiting.request.command.merchant_id
        if not moves(waiting.request.command):
            return Outcome(Status.WAITING, merchant_id=merchant_id, reference_id=str(merchant_id))
        reference_type, reference_id = self.books.movement_of(waiting.request, self.policy).reference
        return Outcome(
            Status.WAITING, merchant_id=merchant_id, reference_type=reference_type, reference_id=reference_id
        )
