"""Keeping lots: what fills and empties them, and when an account is to be looked at because of them."""

from datetime import datetime

from ledger.outcomes import Status
from ledger.rules.batch import Plan
from ledger.rules.lots import Allocations, Lot
from ledger.rules.state import AccountState, Entry, Policy
from ledger.rules.terms import LotTerms


class LotKeeper:
    """Changes lots, and enters every change into the plan."""

    def __init__(self, plan: Plan, policy: Policy) -> None:
        self.plan = plan
        self.policy = policy

    def open(self, account: AccountState, entry: Entry, terms: LotTerms) -> Lot:
        """The lot of a credit that was posted, or recorded for later."""
        is_posted = entry.status is Status.POSTED
        lot = Lot(
            id=entry.id,
            account_id=account.id,
            reference_type=entry.reference_type,
            reference_id=entry.reference_id,
            category=terms.category,
            priority=terms.priority,
            effective_at=terms.effective_at or entry.created_at,
            expires_at=terms.expires_at,
            amount=entry.amount,
            remaining=entry.amount if is_posted else 0,
            sequence=entry.sequence,
            pending=not is_posted,
            correlation_id=entry.correlation_id,
        )
        account.lots.add(lot)
        self.plan.new_lots[lot.id] = lot
        self.watch(account, lot)
        return lot

    def fill(self, account: AccountState, lot: Lot, entry: Entry | None) -> None:
        """End a lot's waiting: filled by the entry that posted it, or void where that was declined."""
        lot.pending = False
        if entry is not None:
            lot.remaining, lot.sequence = lot.amount, entry.sequence
        account.lots.reorder()
        self.touch(lot)
        self.watch(account, lot)

    def take(self, account: AccountState, parts: Allocations) -> None:
        """Take credits out of lots."""
        for lot_id, part in parts:
            lot = account.lots[lot_id]
            lot.remaining -= part
            self.touch(lot)

    def give_back(self, account: AccountState, parts: Allocations) -> None:
        """Put credits back into the lots that they were taken from."""
        for lot_id, part in parts:
            lot = account.lots[lot_id]
            lot.remaining += part
            self.touch(lot)
            self.watch(account, lot)
        account.lots.reorder()

    def note_expiry(self, lot: Lot) -> None:
        """Count one more transaction that expires a part of a lot."""
        lot.expiries += 1
        self.touch(lot)

    def note_warning(self, lot: Lot) -> None:
        """Remember that a lot's expiry was announced."""
        lot.warned = True
        self.touch(lot)

    def touch(self, lot: Lot) -> None:
        """Have a changed lot written."""
        if lot.id not in self.plan.new_lots:
            self.plan.lots[lot.id] = lot

    def watch(self, account: AccountState, lot: Lot) -> None:
        """Have the account looked at no later than when something of this lot falls due."""
        if lot.pending:
            look_again(account, lot.effective_at)
        elif lot.expires_at is not None:
            look_again(account, lot.expires_at if lot.warned else lot.warned_at(self.policy.expiring_soon))


def look_again(account: AccountState, at: datetime) -> None:
    """Have the account looked at no later than this."""
    if account.next_due_at is None or at < account.next_due_at:
        account.next_due_at = at
