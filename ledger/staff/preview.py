"""Previews: what would become of an adjustment, and what is due on an account, worked out without writing anything."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ledger import dialect
from ledger.instructions import Adjust
from ledger.outcomes import Outcome
from ledger.policy import current_policy
from ledger.queries.due import books_of, with_due
from ledger.requests import Request
from ledger.rules import plan
from ledger.rules.state import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an adjustment would come to now. Amounts are whole credits; before and after count in what is due."""

    outcome: Outcome
    before: int
    after: int
    held: int

    @property
    def is_declined(self) -> bool:
        return bool(self.outcome.reason)


def preview(told: Adjust) -> Preview:
    """What would become of an adjustment that was not made yet, decided by the very rules that will decide it."""
    books = books_of([told.merchant_id])
    account = books.accounts[told.merchant_id]
    planned = plan([Request(told, "")], books, current_policy())
    outcome = planned.outcomes[0]
    entry = next(entry for entry in planned.entries if entry.id == outcome.transaction_id)
    return Preview(outcome=outcome, before=entry.balance_before, after=entry.balance_after, held=account.held)


def due_on(merchant_id: UUID) -> list[Entry]:
    """The entries that are due on a merchant's account and not posted yet, in their order."""
    _, planned = with_due(merchant_id)
    return planned.entries


def is_due(next_due_at: datetime | None) -> bool:
    """Whether anything may be due on an account, by the moment that its row names."""
    return next_due_at is not None and next_due_at <= dialect.current().clock()
