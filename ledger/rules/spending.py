"""Spending: what is consumed burns lots, in their order."""

from ledger import events
from ledger.outcomes import DeclineReason
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Entry, Kind


def consume(keeper: Bookkeeper, account: AccountState, movement: Movement, amount: int) -> Entry:
    """Take credits out of the lots that burn first. A person's adjustment may do so on a frozen account too."""
    if account.frozen and movement.kind is not Kind.ADJUST:
        return keeper.decline(account, movement, DeclineReason.FROZEN, amount=amount)
    if amount > account.available:
        return keeper.decline(account, movement, DeclineReason.INSUFFICIENT_CREDITS, amount=amount)
    taken = account.lots.choose(amount)
    keeper.lots.take(account, taken)
    entry = keeper.post(account, movement, amount=amount, allocations=taken)
    keeper.tell(account, entry, events.CONSUMED)
    keeper.alert(account, entry)
    return entry
