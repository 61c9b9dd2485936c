"""The sweep over accounts: posts what has fallen due on them while nothing else did. It is an empty post, no more."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from ledger import dialect
from ledger.journal.post import Posted
from ledger.journal.surely import Pause, post_due_on
from ledger.models import Account


def post_due_accounts(*, limit: int, pause: Pause) -> Iterator[Posted]:
    """Post what is due on every account by now, `limit` accounts at a time, those first that have waited longest.

    Raises Trouble where pause ends the wait for a database in trouble.
    """
    now = dialect.current().clock()
    last: tuple[datetime, UUID] | None = None
    while page := _page(now, after=last, limit=limit):
        yield post_due_on([merchant_id for _, _, merchant_id in page], pause=pause)
        last = page[-1][:2]
        if len(page) < limit:
            return


def _page(now: datetime, *, after: tuple[datetime, UUID] | None, limit: int) -> list[tuple[datetime, UUID, UUID]]:
    """The next accounts by moment and id: one on which posting failed is passed by until the next sweep."""
    due = Account.objects.filter(next_due_at__isnull=False, next_due_at__lte=now)
    if after is not None:
        due = due.filter(Q(next_due_at__gt=after[0]) | Q(next_due_at=after[0], id__gt=after[1]))
    return list(due.order_by("next_due_at", "id").values_list("next_due_at", "id", "merchant_id")[:limit])  # type: ignore[arg-type]
