"""The scope: which part of the books is audited, as of when, and by which settings."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, QuerySet

from ledger.models import Account, OutboxRow, Transaction
from ledger.rules.state import Policy

# Rows are pruned by one clock and audited by another; so near the edge nothing is demanded.
MARGIN = timedelta(minutes=1)
CHUNK_ROWS = 2000  # what a walk holds in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an audit looks at.

    Published outbox rows are gone once they are older than retention: only younger ones can be demanded.
    alerts_since is when the policy's alert settings came to be what they are now; None where nobody can say.
    """

    now: datetime
    retention: timedelta
    policy: Policy
    merchant_id: UUID | None = None
    alerts_since: datetime | None = None

    @property
    def kept_since(self) -> datetime:
        """The moment from which on every event must still have its row."""
        return self.now - self.retention + MARGIN

    @property
    def accounts(self) -> QuerySet[Account]:
        accounts = Account.objects.order_by("id")
        return accounts if self.merchant_id is None else accounts.filter(merchant_id=self.merchant_id)

    @property
    def transactions(self) -> QuerySet[Transaction]:
        """By their account: the merchant's id on the row itself is one of the things that may be wrong."""
        transactions = Transaction.objects.order_by()
        return transactions if self.merchant_id is None else transactions.filter(account__in=self.accounts.order_by())

    @property
    def told(self) -> QuerySet[Transaction]:
        """Those that had to tell: all but what was moved in from the predecessor."""
        return self.transactions.filter(number__gt=F("account__imported_rows"))

    @property
    def posted(self) -> QuerySet[Transaction]:
        return self.transactions.filter(status=Transaction.Status.POSTED)

    @property
    def events(self) -> QuerySet[OutboxRow]:
        events = OutboxRow.objects.exclude(event_type="").order_by()
        return events if self.merchant_id is None else events.filter(account__in=self.accounts.order_by())
