"""Reversals: undoing what was posted, all or part of it, never more than that."""

from ledger import events
from ledger.fields import OnShortfall
from ledger.outcomes import DeclineReason, Status
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.credits import would_overfill
from ledger.rules.lots import Lot, last_taken_first
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Claimed, Entry, Kind, Operation

_NEVER = frozenset({Kind.HOLD, Kind.RELEASE, Kind.REVERSE, Kind.EXPIRE, Kind.IMPORT})


def reverse(keeper: Bookkeeper, account: AccountState, movement: Movement, target: Claimed) -> Entry:
    """Undo a transaction: a debit gives back to the lots that it took from, a credit takes from its own lot."""
    is_debit = target.operation is Operation.DEBIT
    movement.operation = Operation.CREDIT if is_debit else Operation.DEBIT
    lot = None if is_debit else account.lots.get(target.transaction_id)
    left = target.amount - keeper.books.reversed.get(target.transaction_id, 0)
    asked = movement.amount or left or target.amount
    reason = _refusal(target, lot, asked=asked, left=left)
    if reason is None and is_debit and would_overfill(account, asked):
        reason = DeclineReason.BALANCE_LIMIT
    if reason is None and lot is not None and asked > lot.free:
        if movement.terms.on_shortfall is OnShortfall.TAKE_WHAT_IS_LEFT and lot.free:
            asked = lot.free
        else:
            reason = DeclineReason.ALREADY_SPENT
    if reason is not None:
        return keeper.decline(account, movement, reason, amount=asked, target_id=target.transaction_id)
    return _undo(keeper, account, movement, target, lot=lot, amount=asked)


def _refusal(target: Claimed, lot: Lot | None, *, asked: int, left: int) -> DeclineReason | None:
    is_credit = target.operation is Operation.CREDIT
    is_posted = target.status is Status.POSTED or (lot is not None and lot.sequence is not None)
    if target.kind in _NEVER or not is_posted or (is_credit and lot is None):
        return DeclineReason.NOT_REVERSIBLE
    if not left:
        return DeclineReason.ALREADY_REVERSED
    return DeclineReason.MORE_THAN_POSTED if asked > left else None


def _undo(
    keeper: Bookkeeper, account: AccountState, movement: Movement, target: Claimed, *, lot: Lot | None, amount: int
) -> Entry:
    before = keeper.books.reversed.get(target.transaction_id, 0)
    if lot is None:
        parts = last_taken_first(target.allocations, skip=before, amount=amount)
        keeper.lots.give_back(account, parts)
    else:
        parts = [(lot.id, amount)]
        keeper.lots.take(account, parts)
    keeper.books.reversed[target.transaction_id] = before + amount
    entry = keeper.post(account, movement, amount=amount, allocations=parts, target_id=target.transaction_id)
    original_type, original_id = movement.terms.target or ("", "")
    keeper.tell(
        account,
        entry,
        events.REVERSED,
        operation=str(entry.operation),
        original_reference_type=original_type,
        original_reference_id=original_id,
    )
    keeper.alert(account, entry)
    return entry
