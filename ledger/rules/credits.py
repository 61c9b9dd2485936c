"""Credits: what is granted opens a lot, at once or at its moment."""

from ledger import events
from ledger.fields import MAX_BALANCE
from ledger.outcomes import DeclineReason
from ledger.rules.bookkeeping import Bookkeeper
from ledger.rules.movements import Movement
from ledger.rules.state import AccountState, Entry
from ledger.rules.terms import LotTerms


def grant(keeper: Bookkeeper, account: AccountState, movement: Movement, amount: int) -> Entry:
    """Grant credits into a lot of their own; those effective later are recorded, and their lot is pending."""
    terms = movement.terms.lot or LotTerms()
    if terms.effective_at is not None and terms.effective_at > keeper.now(account):
        entry = keeper.record(account, movement, amount=amount)
        keeper.lots.open(account, entry, terms)
        return entry
    if would_overfill(account, amount):
        return keeper.decline(account, movement, DeclineReason.BALANCE_LIMIT, amount=amount)
    entry = keeper.post(account, movement, amount=amount)
    keeper.lots.open(account, entry, terms)
    keeper.tell(account, entry, events.GRANTED)
    keeper.alert(account, entry)
    return entry


def would_overfill(account: AccountState, amount: int) -> bool:
    """Whether so many credits more would take the balance over its limit."""
    return account.balance + amount > MAX_BALANCE
