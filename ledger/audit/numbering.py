"""Numbering: each account's events count 1, 2, 3 … without a gap, and those of one change stand in their order.

Published events leave the outbox when they are older than its retention. A number may be missing only where
its event may be that old: where the event before it is, or where there is none and the account is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery, Window
from django.db.models.functions import Lag

from ledger import events
from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import OutboxRow

# Told first; alerts follow. What time did to a hold or a lot is told by the id of the row that began it, later on.
CAUSES = [
    *(events.GRANTED, events.CONSUMED, events.INSUFFICIENT, events.DECLINED, events.EXPIRED, events.HELD),
    *(events.CAPTURED, events.REVERSED),
]


def check_numbering(scope: Scope) -> Iterator[Finding]:
    """No number is missing between events, before the first or after the last; causes are told before alerts."""
    yield from _gaps(scope)
    yield from _disorder(scope)
    yield from _ends(scope)


def _previous(column: str) -> Window:
    return Window(Lag(column), partition_by="account_id", order_by="account_sequence")


def _gaps(scope: Scope) -> Iterator[Finding]:
    numbered = scope.events.annotate(
        opened_at=F("account__created_at"),
        previous_sequence=_previous("account_sequence"),
        previous_at=_previous("created_at"),
    )
    missing = numbered.filter(
        Q(previous_sequence__isnull=True, opened_at__gte=scope.kept_since) & ~Q(account_sequence=1)
        | Q(previous_at__gte=scope.kept_since) & ~Q(account_sequence=F("previous_sequence") + 1)
    )
    for row in missing.values("id", "account_sequence", "previous_sequence").iterator(chunk_size=CHUNK_ROWS):
        expected = (row["previous_sequence"] or 0) + 1
        yield _finding(row, "account_sequence by the event before", expected, row["account_sequence"])


def _disorder(scope: Scope) -> Iterator[Finding]:
    ordered = scope.events.annotate(
        previous_transaction=_previous("transaction_id"), previous_type=_previous("event_type")
    )
    misplaced = ordered.filter(previous_transaction=F("transaction_id")).filter(
        Q(event_type__in=CAUSES) | Q(event_type=events.LOW_BALANCE, previous_type=events.EXHAUSTED)
    )
    for row in misplaced.values("id", "event_type", "previous_type").iterator(chunk_size=CHUNK_ROWS):
        what = "order within one change"
        yield _finding(row, what, f"{row['event_type']} first", f"after {row['previous_type']}")


def _ends(scope: Scope) -> Iterator[Finding]:
    last = OutboxRow.objects.exclude(event_type="").filter(account=OuterRef("pk")).order_by("-account_sequence")
    accounts = scope.accounts.annotate(
        last_sequence=Subquery(last.values("account_sequence")[:1]), last_at=Subquery(last.values("created_at")[:1])
    )
    wrong = accounts.filter(
        Q(last_sequence__gt=F("event_sequence"))
        | Q(last_sequence__lt=F("event_sequence"), last_at__gte=scope.kept_since)
        | Q(last_sequence__isnull=True, event_sequence__gt=0, created_at__gte=scope.kept_since)
    )
    for row in wrong.values("id", "event_sequence", "last_sequence").iterator(chunk_size=CHUNK_ROWS):
        what = "event_sequence by its newest event"
        expected = row["last_sequence"] or 0
        yield Finding(table="credit_accounts", row=row["id"], what=what, expected=expected, found=row["event_sequence"])


def _finding(row: Mapping[str, Any], what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_outbox", row=row["id"], what=what, expected=expected, found=found)
