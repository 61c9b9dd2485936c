"""Owed: every transaction whose event must still be in the outbox has it there, and the outbox moves on."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Min, Q
from django.db.models.aggregates import Count

from ledger import events
from ledger.audit.finding import ALL, Finding, Severity
from ledger.audit.ordered import Ordered
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import OutboxRow, Transaction
from ledger.outcomes import DeclineReason

LATE = timedelta(minutes=1)  # the sweep takes rows over after 5 seconds
COLUMNS = ["id", "status", "operation", "balance_after"]


def check_owed(scope: Scope) -> Iterator[Finding]:
    """Each posted row has told that it granted or consumed, and exhausted where it did; each shortage was told.

    Alerts that hang on the threshold are another check's: see ledger.audit.alerts.
    """
    telling = Q(status=Transaction.Status.POSTED) | Q(reason=DeclineReason.INSUFFICIENT_CREDITS)
    owing = scope.transactions.filter(telling, created_at__gte=scope.kept_since).order_by("id").values(*COLUMNS)
    told = scope.events.filter(transaction__isnull=False).order_by("transaction_id")
    rows = told.values_list("transaction_id", "event_type").iterator(chunk_size=CHUNK_ROWS)
    pending = Ordered(rows, key=lambda row: row[0])
    for transaction in owing.iterator(chunk_size=CHUNK_ROWS):
        id_ = transaction["id"]
        types = {event_type for of_id, event_type in pending.up_to(id_) if of_id == id_}
        for event_type in _owed(transaction):
            if event_type not in types:
                yield Finding(
                    table="credit_transactions", row=id_, what="event owed", expected=event_type, found="none"
                )


def _owed(transaction: Mapping[str, Any]) -> list[str]:
    if transaction["status"] == Transaction.Status.DECLINED:
        return [events.INSUFFICIENT]
    if transaction["operation"] == Transaction.Operation.CREDIT:
        return [events.GRANTED]
    # A debit is at least 1, so one that leaves 0 found more than 0.
    return [events.CONSUMED, events.EXHAUSTED] if transaction["balance_after"] == 0 else [events.CONSUMED]


def check_published(scope: Scope) -> Iterator[Finding]:
    """A warning where rows wait to be published for longer than the relay and its sweep can need."""
    rows = OutboxRow.objects if scope.merchant_id is None else scope.events
    late = rows.filter(published_at=None, created_at__lt=scope.now - LATE)
    found = late.aggregate(rows=Count("id"), oldest=Min("created_at"))
    if found["rows"]:
        yield Finding(
            table="credit_outbox",
            row=ALL,
            what=f"unpublished for more than {LATE.seconds} seconds",
            expected=0,
            found=f"{found['rows']}, the oldest since {found['oldest']}",
            severity=Severity.WARNING,
        )
