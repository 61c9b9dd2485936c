"""Told: every event in the outbox has its transaction, and says what its transaction says."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid5

from ledger import events
from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.follow_ups import FOLLOW_UPS
from ledger.models import Transaction
from ledger.outcomes import DeclineReason

Row = Mapping[str, Any]
COLUMNS = [
    "id", "destination", "name", "event_type", "body", "account_id", "account_sequence", "transaction_id",
    "correlation_id", "transaction__account_id", "transaction__merchant_id",
    "transaction__sequence", "transaction__status", "transaction__operation", "transaction__reason",
    "transaction__amount", "transaction__balance_before", "transaction__balance_after",
    "transaction__reference_type", "transaction__reference_id", "transaction__correlation_id",
]  # fmt: skip


def check_told(scope: Scope) -> Iterator[Finding]:
    """No event without its transaction, none that its transaction does not give rise to, none that says otherwise."""
    for row in scope.events.values(*COLUMNS).iterator(chunk_size=CHUNK_ROWS):
        # Not transaction__id: Django reads that from the event's own row.
        if row["transaction__status"] is None:
            yield _finding(row, "transaction_id", f"a transaction {row['transaction_id']}", "none")
        elif row["event_type"] not in CAUSES:
            yield _finding(row, "event_type", "a known one", repr(row["event_type"]))
        else:
            yield from _differences(row)


def _differences(row: Row) -> Iterator[Finding]:
    if not CAUSES[row["event_type"]](row):
        yield _finding(row, "event_type by its transaction", "one that it gives rise to", row["event_type"])
    for what, (expected, found) in _compared(row).items():
        if expected != found:
            yield _finding(row, what, expected, found)


def _compared(row: Row) -> dict[str, tuple[Any, Any]]:
    """For each part of the event: what its transaction and its row demand, and what it says."""
    body = _mapping(row["body"])
    metadata, data = _mapping(body.get("metadata")), _mapping(body.get("data"))
    follow_up = FOLLOW_UPS[row["event_type"]]
    compared = {
        "destination": ((follow_up.destination, follow_up.name), (row["destination"], row["name"])),
        "account_id by its transaction": (row["transaction__account_id"], row["account_id"]),
        "correlation_id by its transaction": (row["transaction__correlation_id"], row["correlation_id"]),
        "body.event_id": (str(uuid5(row["transaction_id"], row["event_type"])), body.get("event_id")),
        "body.event_type": (row["event_type"], body.get("event_type")),
        "body.correlation_id": (row["correlation_id"], body.get("correlation_id")),
        "body.source_service": (events.SOURCE_SERVICE, body.get("source_service")),
        "body.metadata.account_sequence": (row["account_sequence"], metadata.get("account_sequence")),
        "body.metadata.transaction_sequence": (row["transaction__sequence"], metadata.get("transaction_sequence")),
    }
    for field, expected in _data(row).items():
        compared[f"body.data.{field}"] = (expected, data.get(field))
    return compared


def _data(row: Row) -> dict[str, Any]:
    """What the event's data must say. The platform is left out: an account's shop may have changed since."""
    event_type = row["event_type"]
    said = {"merchant_id": str(row["transaction__merchant_id"])}
    if event_type == events.EXHAUSTED:
        return said
    said["balance"] = row["transaction__balance_after"]
    if event_type in (events.LOW_BALANCE, events.RECOVERED):
        return said
    amount = "attempted_amount" if event_type == events.INSUFFICIENT else "amount"
    said[amount] = row["transaction__amount"]
    said["reference_type"] = row["transaction__reference_type"]
    said["reference_id"] = row["transaction__reference_id"]
    return said


def _is_posted(row: Row, operation: str) -> bool:
    posted: bool = row["transaction__status"] == Transaction.Status.POSTED
    return posted and row["transaction__operation"] == operation


def _granted(row: Row) -> bool:
    return _is_posted(row, Transaction.Operation.CREDIT)


def _consumed(row: Row) -> bool:
    return _is_posted(row, Transaction.Operation.DEBIT)


def _insufficient(row: Row) -> bool:
    return bool(row["transaction__reason"] == DeclineReason.INSUFFICIENT_CREDITS)


def _exhausted(row: Row) -> bool:
    return _consumed(row) and row["transaction__balance_after"] == 0 < row["transaction__balance_before"]


# An alert is judged by the threshold that it states itself: the setting may have been another then.
def _low_balance(row: Row) -> bool:
    threshold = _threshold(row)
    return _consumed(row) and threshold is not None and row["transaction__balance_after"] < threshold


def _recovered(row: Row) -> bool:
    threshold = _threshold(row)
    return _granted(row) and threshold is not None and row["transaction__balance_after"] >= threshold


def _threshold(row: Row) -> int | None:
    threshold = _mapping(_mapping(row["body"]).get("data")).get("threshold")
    return threshold if isinstance(threshold, int) else None


def _mapping(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _finding(row: Row, what: str, expected: Any, found: Any) -> Finding:
    return Finding(table="credit_outbox", row=row["id"], what=what, expected=expected, found=found)


CAUSES: Mapping[str, Callable[[Row], bool]] = {
    events.GRANTED: _granted,
    events.CONSUMED: _consumed,
    events.INSUFFICIENT: _insufficient,
    events.EXHAUSTED: _exhausted,
    events.LOW_BALANCE: _low_balance,
    events.RECOVERED: _recovered,
}
