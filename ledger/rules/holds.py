"""Holds: setting credits aside, and the one resolution that wins: captured, released or run out."""

from datetime import timedelta

from ledger import events
from ledger.outcomes import DeclineReason
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.holding import HoldState, HoldStatus
from ledger.rules.lots import first_taken_first
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Claimed, Entry

_RESOLVED = {
    HoldStatus.CAPTURED: DeclineReason.ALREADY_CAPTURED,
    HoldStatus.RELEASED: DeclineReason.ALREADY_RELEASED,
    HoldStatus.EXPIRED: DeclineReason.ALREADY_EXPIRED,
}


def hold(keeper: Bookkeeper, account: AccountState, movement: Movement, amount: int) -> Entry:
    """Set credits aside out of the lots that burn first, for so many seconds."""
    if account.frozen:
        return keeper.decline(account, movement, DeclineReason.FROZEN, amount=amount)
    if amount > account.available:
        return keeper.decline(account, movement, DeclineReason.INSUFFICIENT_CREDITS, amount=amount)
    entry = keeper.record(account, movement, amount=amount)
    expires_at = entry.created_at + timedelta(seconds=movement.terms.expires_in_s or 0)
    keeper.place_hold(account, entry, took=account.lots.choose(amount), expires_at=expires_at)
    keeper.tell(account, entry, events.HELD, expires_at=events.rfc3339(expires_at))
    return entry


def capture(keeper: Bookkeeper, account: AccountState, movement: Movement, target: Claimed) -> Entry:
    """Consume what a hold has set aside, or a part of it, and free the rest."""
    held = account.holds.get(target.transaction_id)
    asked = movement.amount or target.amount
    reason = _refusal(held, asked)
    if held is None or reason is not None:
        return keeper.decline(
            account, movement, reason or DeclineReason.NOT_A_HOLD, amount=asked, target_id=target.transaction_id
        )
    keeper.resolve_hold(account, held, HoldStatus.CAPTURED, at=keeper.books.now, captured=asked)
    taken = first_taken_first(held.took, amount=asked)
    keeper.lots.take(account, taken)
    entry = keeper.post(account, movement, amount=asked, allocations=taken, target_id=held.id)
    keeper.tell(account, entry, events.CAPTURED, **_of(held), released_amount=held.amount - asked)
    keeper.alert(account, entry)
    return entry


def release(keeper: Bookkeeper, account: AccountState, movement: Movement, target: Claimed) -> Entry:
    """Free what a hold has set aside."""
    held = account.holds.get(target.transaction_id)
    reason = _refusal(held, target.amount)
    if held is None or reason is not None:
        return keeper.decline(
            account, movement, reason or DeclineReason.NOT_A_HOLD, amount=target.amount, target_id=target.transaction_id
        )
    keeper.resolve_hold(account, held, HoldStatus.RELEASED, at=keeper.books.now)
    entry = keeper.record(account, movement, amount=held.amount, target_id=held.id)
    keeper.tell(account, entry, events.RELEASED, **_of(held), reason="released")
    return entry


def _refusal(held: HoldState | None, asked: int) -> DeclineReason | None:
    if held is None:
        return DeclineReason.NOT_A_HOLD
    if held.status is not HoldStatus.OPEN:
        return _RESOLVED[held.status]
    return DeclineReason.MORE_THAN_HELD if asked > held.amount else None


def _of(held: HoldState) -> dict[str, str]:
    return {"hold_reference_type": held.reference_type, "hold_reference_id": held.reference_id}
