"""What falls due by time alone: holds run out, lots expire, lots become effective, expiries are announced.

Everything due is posted in the order of its moments and dated there; at one moment, in the order of this module's
opening words. A lot that expires under a hold expires when the hold ends.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from heapq import heapify, heappop, heappush
from uuid import UUID

from ledger import events
from ledger.outcomes import DeclineReason
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.credits import would_overfill
from ledger.rules.holding import HoldStatus
from ledger.rules.lots import Lot
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Kind, Operation, Policy
from ledger.rules.telling import Cause
from ledger.rules.terms import LotTerms, Terms


class Work(IntEnum):
    """What is to be done, in the order in which it is done at one moment."""

    RUN_OUT = 0
    EXPIRE = 1
    ACTIVATE = 2
    WARN = 3


_Due = tuple[datetime, Work, UUID]


def post_due(keeper: Bookkeeper, account: AccountState) -> None:
    """Post all that is due on the account by now, and note when something is due next."""
    if not account.is_due(keeper.books.now):
        return
    now = keeper.now(account)
    agenda = list(_agenda(account, keeper.policy))
    heapify(agenda)
    while agenda and agenda[0][0] <= now:
        at, work, id_ = heappop(agenda)
        for due in _DOINGS[work](keeper, account, id_, at):
            heappush(agenda, due)
    account.next_due_at = agenda[0][0] if agenda else None
    keeper.date(account, account.updated_at)


def next_due(account: AccountState, policy: Policy) -> datetime | None:
    """The moment of the first thing that falls due on the account by time alone; None where nothing does."""
    return min((at for at, _, _ in _agenda(account, policy)), default=None)


def _agenda(account: AccountState, policy: Policy) -> Iterator[_Due]:
    for hold in account.holds.values():
        if hold.status is HoldStatus.OPEN:
            yield hold.expires_at, Work.RUN_OUT, hold.id
    for lot in account.lots:
        yield from _of_lot(lot, policy)


def _of_lot(lot: Lot, policy: Policy) -> Iterator[_Due]:
    if lot.pending:
        yield lot.effective_at, Work.ACTIVATE, lot.id
    elif lot.expires_at is not None and lot.remaining:
        if lot.free:
            yield lot.expires_at, Work.EXPIRE, lot.id
        if not lot.warned:
            yield lot.warned_at(policy.expiring_soon), Work.WARN, lot.id


# Each returns what falls due because of it.


def _run_out(keeper: Bookkeeper, account: AccountState, id_: UUID, at: datetime) -> Iterable[_Due]:
    hold = account.holds[id_]
    keeper.resolve_hold(account, hold, HoldStatus.EXPIRED, at=at)
    cause = Cause(
        id=hold.id,
        sequence=None,
        amount=hold.amount,
        reference_type=hold.reference_type,
        reference_id=hold.reference_id,
        correlation_id=hold.correlation_id,
        created_at=account.updated_at,
    )
    held = {"hold_reference_type": hold.reference_type, "hold_reference_id": hold.reference_id}
    keeper.tell(account, cause, events.RELEASED, **held, reason="expired")
    lots = [account.lots[lot_id] for lot_id, _ in hold.took]
    return [(max(at, lot.expires_at), Work.EXPIRE, lot.id) for lot in lots if lot.expires_at is not None]


def _expire(keeper: Bookkeeper, account: AccountState, id_: UUID, at: datetime) -> Iterable[_Due]:
    lot = account.lots[id_]
    amount = lot.free
    if not amount:  # on the agenda twice: on its own account, and for a hold that ended
        return ()
    keeper.lots.note_expiry(lot)
    movement = Movement(
        merchant_id=account.merchant_id,
        kind=Kind.EXPIRE,
        operation=Operation.DEBIT,
        amount=amount,
        stated_amount=None,
        reference_type="expire",
        reference_id=f"{lot.id}:{lot.expiries}",
        description=f"{amount} credits expired",
        metadata={},
        correlation_id=lot.correlation_id,
    )
    taken = [(lot.id, amount)]
    keeper.lots.take(account, taken)
    entry = keeper.post(account, movement, amount=amount, allocations=taken, target_id=lot.id, at=at)
    keeper.tell(account, entry, events.EXPIRED, **_original(lot))
    keeper.alert(account, entry)
    return ()


def _activate(keeper: Bookkeeper, account: AccountState, id_: UUID, at: datetime) -> Iterable[_Due]:
    lot = account.lots[id_]
    recorded = keeper.books.recorded[id_]
    terms = LotTerms(
        category=lot.category, priority=lot.priority, effective_at=lot.effective_at, expires_at=lot.expires_at
    )
    movement = Movement(
        merchant_id=account.merchant_id,
        kind=recorded.kind,
        operation=Operation.CREDIT,
        amount=lot.amount,
        stated_amount=None,
        reference_type="activate",
        reference_id=str(lot.id),
        description=recorded.description,
        metadata=recorded.metadata,
        terms=Terms(lot=terms),
        actor=recorded.actor,
        correlation_id=lot.correlation_id,
    )
    if would_overfill(account, lot.amount):
        keeper.lots.fill(account, lot, None)
        keeper.decline(account, movement, DeclineReason.BALANCE_LIMIT, amount=lot.amount, target_id=lot.id, at=at)
        return ()
    entry = keeper.post(account, movement, amount=lot.amount, target_id=lot.id, at=at)
    keeper.lots.fill(account, lot, entry)
    keeper.tell(account, entry, events.GRANTED, **_original(lot))
    keeper.alert(account, entry)
    return _of_lot(lot, keeper.policy)


def _warn(keeper: Bookkeeper, account: AccountState, id_: UUID, at: datetime) -> Iterable[_Due]:
    lot = account.lots[id_]
    if not lot.remaining or lot.expires_at is None:
        return ()
    keeper.lots.note_warning(lot)
    if max(at, account.updated_at) >= lot.expires_at:  # nobody could act on it any more
        return ()
    cause = Cause(
        id=lot.id,
        sequence=None,
        amount=lot.remaining,
        reference_type=lot.reference_type,
        reference_id=lot.reference_id,
        correlation_id=lot.correlation_id,
        created_at=keeper.date(account, at),
    )
    keeper.tell(account, cause, events.EXPIRING_SOON, expires_at=events.rfc3339(lot.expires_at))
    return ()


def _original(lot: Lot) -> dict[str, str]:
    return {"original_reference_type": lot.reference_type, "original_reference_id": lot.reference_id}


_DOINGS: dict[Work, Callable[[Bookkeeper, AccountState, UUID, datetime], Iterable[_Due]]] = {
    Work.RUN_OUT: _run_out,
    Work.EXPIRE: _expire,
    Work.ACTIVATE: _activate,
    Work.WARN: _warn,
}
