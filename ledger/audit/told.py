"""Told: every event in the outbox has its transaction, and says what its transaction says."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid5

from django.db.models import OuterRef, Subquery

from ledger import events
from ledger.audit.finding import Finding
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.follow_ups import FOLLOW_UPS
from ledger.models import Transaction
from ledger.outcomes import DeclineReason

Row = Mapping[str, Any]
POSTED = Transaction.Status.POSTED
RECORDED = Transaction.Status.RECORDED
AIMED = (events.GRANTED, events.EXPIRED, events.CAPTURED, events.RELEASED, events.REVERSED)
COLUMNS = [
    "id", "destination", "name", "event_type", "body", "account_id", "account_sequence", "transaction_id",
    "correlation_id", "transaction__account_id", "transaction__merchant_id",
    "transaction__sequence", "transaction__status", "transaction__kind", "transaction__operation",
    "transaction__reason", "target_type", "target_id",
    "transaction__amount", "transaction__balance_before", "transaction__balance_after",
    "transaction__reference_type", "transaction__reference_id", "transaction__correlation_id",
]  # fmt: skip


def check_told(scope: Scope) -> Iterator[Finding]:
    """No event without its transaction, none that its transaction does not give rise to, none that says otherwise."""
    target = Transaction.objects.filter(id=OuterRef("transaction__target_id"))
    told = scope.events.annotate(
        target_type=Subquery(target.values("reference_type")), target_id=Subquery(target.values("reference_id"))
    )
    for row in told.values(*COLUMNS).iterator(chunk_size=CHUNK_ROWS):
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
        "body.metadata.transaction_sequence": (_sequence(row), metadata.get("transaction_sequence")),
    }
    for field, expected in _data(row).items():
        compared[f"body.data.{field}"] = (expected, data.get(field))
    return compared


def _sequence(row: Row) -> int | None:
    """What time did later to what the row began bears no number of the row's."""
    sequence: int | None = row["transaction__sequence"]
    return None if row["event_type"] == events.EXPIRING_SOON else sequence


def _data(row: Row) -> dict[str, Any]:
    """What the event's data must say. The platform is left out: an account's shop may have changed since."""
    event_type = row["event_type"]
    said = {"merchant_id": str(row["transaction__merchant_id"])}
    if event_type == events.EXHAUSTED:
        return said
    if not _is_of_time(row):  # whose balance is that of a later moment
        said["balance"] = row["transaction__balance_after"]
    if event_type in (events.LOW_BALANCE, events.RECOVERED):
        return said
    if event_type != events.EXPIRING_SOON:  # which says what was left of the lot then
        amount = "attempted_amount" if event_type in (events.INSUFFICIENT, events.DECLINED) else "amount"
        said[amount] = row["transaction__amount"]
    said["reference_type"] = row["transaction__reference_type"]
    said["reference_id"] = row["transaction__reference_id"]
    return said | _more(row)


def _more(row: Row) -> dict[str, Any]:
    """What the events of some types say besides."""
    event_type = row["event_type"]
    if event_type == events.DECLINED:
        return {"reason": row["transaction__reason"]}
    if event_type not in AIMED or row["target_type"] is None:
        return {}
    aims_at = "hold" if event_type in (events.CAPTURED, events.RELEASED) else "original"
    return {f"{aims_at}_reference_type": row["target_type"], f"{aims_at}_reference_id": row["target_id"]}


def _is_of_time(row: Row) -> bool:
    """Whether the event tells what time did to a hold or a lot, long after the row that began it."""
    is_run_out = row["event_type"] == events.RELEASED and row["transaction__kind"] == Transaction.Kind.HOLD
    return bool(is_run_out or row["event_type"] == events.EXPIRING_SOON)


def _is_posted(row: Row, operation: str) -> bool:
    posted: bool = row["transaction__status"] == Transaction.Status.POSTED
    return posted and row["transaction__operation"] == operation


def _credited(row: Row) -> bool:
    return _is_posted(row, Transaction.Operation.CREDIT)


def _debited(row: Row) -> bool:
    return _is_posted(row, Transaction.Operation.DEBIT)


def _granted(row: Row) -> bool:
    return _credited(row) and row["transaction__kind"] != Transaction.Kind.REVERSE


def _consumed(row: Row) -> bool:
    return _debited(row) and row["transaction__kind"] in (Transaction.Kind.CONSUME, Transaction.Kind.ADJUST)


def _of(status: str, *kinds: str) -> Callable[[Row], bool]:
    return lambda row: row["transaction__status"] == status and row["transaction__kind"] in kinds


def _expiring_soon(row: Row) -> bool:
    opens_a_lot = row["transaction__operation"] == Transaction.Operation.CREDIT
    return bool(opens_a_lot and row["transaction__status"] in (POSTED, RECORDED))


def _insufficient(row: Row) -> bool:
    return bool(row["transaction__reason"] == DeclineReason.INSUFFICIENT_CREDITS)


def _declined(row: Row) -> bool:
    return bool(row["transaction__status"] == Transaction.Status.DECLINED) and not _insufficient(row)


def _exhausted(row: Row) -> bool:
    return _debited(row) and row["transaction__balance_after"] == 0 < row["transaction__balance_before"]


# An alert is judged by the threshold that it states itself: the setting may have been another then.
def _low_balance(row: Row) -> bool:
    threshold = _threshold(row)
    return _debited(row) and threshold is not None and row["transaction__balance_after"] < threshold


def _recovered(row: Row) -> bool:
    threshold = _threshold(row)
    return _credited(row) and threshold is not None and row["transaction__balance_after"] >= threshold


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
    events.DECLINED: _declined,
    events.EXPIRED: _of(POSTED, Transaction.Kind.EXPIRE),
    events.EXPIRING_SOON: _expiring_soon,
    events.HELD: _of(RECORDED, Transaction.Kind.HOLD),
    events.CAPTURED: _of(POSTED, Transaction.Kind.CAPTURE),
    events.RELEASED: _of(RECORDED, Transaction.Kind.RELEASE, Transaction.Kind.HOLD),
    events.REVERSED: _of(POSTED, Transaction.Kind.REVERSE),
    events.EXHAUSTED: _exhausted,
    events.LOW_BALANCE: _low_balance,
    events.RECOVERED: _recovered,
}
