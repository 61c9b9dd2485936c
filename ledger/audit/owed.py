"""Owed: every transaction whose event must still be in the outbox has it there, and the outbox moves on."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Min
from django.db.models.aggregates import Count

from ledger import events
from ledger.audit.finding import ALL, Finding, Severity
from ledger.audit.ordered import Ordered
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.models import Hold, OutboxRow, Transaction
from ledger.outcomes import DeclineReason

LATE = timedelta(minutes=1)  # the sweep takes rows over after 5 seconds
COLUMNS = ["id", "status", "kind", "operation", "reason", "balance_after"]
POSTED: Mapping[str, str] = {
    Transaction.Kind.CAPTURE: events.CAPTURED,
    Transaction.Kind.REVERSE: events.REVERSED,
    Transaction.Kind.EXPIRE: events.EXPIRED,
}
RECORDED: Mapping[str, str] = {
    Transaction.Kind.HOLD: events.HELD,
    Transaction.Kind.RELEASE: events.RELEASED,
}


def check_owed(scope: Scope) -> Iterator[Finding]:
    """Each row has told what it did or why it did nothing, and exhausted where it did; each hold that ran out, too.

    Alerts that hang on the threshold are another check's: see ledger.audit.alerts.
    """
    owing = scope.told.filter(created_at__gte=scope.kept_since).order_by("id").values(*COLUMNS)
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
    yield from _owed_by_holds(scope)


def _owed(transaction: Mapping[str, Any]) -> list[str]:
    status, kind = transaction["status"], transaction["kind"]
    if status == Transaction.Status.DECLINED:
        is_shortage = transaction["reason"] == DeclineReason.INSUFFICIENT_CREDITS
        return [events.INSUFFICIENT if is_shortage else events.DECLINED]
    if status == Transaction.Status.RECORDED:
        return [RECORDED[kind]] if kind in RECORDED else []  # a credit that is not effective yet tells nothing
    is_credit = transaction["operation"] == Transaction.Operation.CREDIT
    owed = [POSTED.get(kind, events.GRANTED if is_credit else events.CONSUMED)]
    # A debit is at least 1, so one that leaves 0 found more than 0.
    return owed if is_credit or transaction["balance_after"] else [*owed, events.EXHAUSTED]


def _owed_by_holds(scope: Scope) -> Iterator[Finding]:
    ran_out = Hold.objects.filter(
        status=Hold.Status.EXPIRED, resolved_at__gte=scope.kept_since, account__in=scope.accounts.order_by()
    )
    told = scope.events.filter(event_type=events.RELEASED).order_by("transaction_id")
    ids = told.values_list("transaction_id", flat=True).iterator(chunk_size=CHUNK_ROWS)
    pending = Ordered(ids, key=lambda id_: id_)
    for id_ in ran_out.order_by("id").values_list("id", flat=True).iterator(chunk_size=CHUNK_ROWS):
        if id_ not in list(pending.up_to(id_)):
            yield Finding(table="credit_holds", row=id_, what="event owed", expected=events.RELEASED, found="none")


def check_published(scope: Scope) -> Iterator[Finding]:
    """A warning where rows wait to be published for longer than the relay and its sweep can need."""
    rows = OutboxRow.objects if scope.merchant_id is None else scope.events
    late = rows.filter(batch__published_at=None, created_at__lt=scope.now - LATE)
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
