"""Writing: a plan into the tables, one statement a table whatever the size of the batch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from ledger.claims import claim_of
from ledger.dialect import BOOLEAN, INTEGER, JSON, MOMENT, TEXT, UUID_, Columns
from ledger.events import Event
from ledger.follow_ups import FOLLOW_UPS, Destination
from ledger.identifiers import new_id
from ledger.journal.inserting import insert_rows, rows_of, rows_of_mappings, update_rows
from ledger.journal.outbox import LARGEST_BATCH, Recorded, insert_outbox
from ledger.journal.parking import ToPark, park_rows
from ledger.journal.replays import note_outcomes
from ledger.journal.waiting import delete_waiting, insert_waiting
from ledger.outcomes import ParkReason
from ledger.rules.batch import Difference, Parked, Plan, Waiting
from ledger.rules.movements import target_of
from ledger.rules.state import Entry
from ledger.states import ACCOUNT, HOLD, LOT

TRANSACTION: Columns = {  # in the order of Entry's fields: an entry is a row as it is
    "id": UUID_,
    "account_id": UUID_,
    "merchant_id": UUID_,
    "number": INTEGER,
    "sequence": INTEGER,
    "status": TEXT,
    "kind": TEXT,
    "operation": TEXT,
    "amount": INTEGER,
    "stated_amount": INTEGER,
    "balance_before": INTEGER,
    "balance_after": INTEGER,
    "total_granted": INTEGER,
    "total_consumed": INTEGER,
    "total_expired": INTEGER,
    "reference_type": TEXT,
    "reference_id": TEXT,
    "target_id": UUID_,
    "allocations": JSON,
    "terms": JSON,
    "reason": TEXT,
    "description": TEXT,
    "metadata": JSON,
    "actor": TEXT,
    "producer": TEXT,
    "correlation_id": TEXT,
    "created_at": MOMENT,
    "salt": TEXT,
    "content_digest": TEXT,
    "digest": TEXT,
}
MOVED: Columns = {name: type_ for name, type_ in ACCOUNT.items() if name != "merchant_id"}
NEW_LOT: Columns = {**LOT, "is_open": BOOLEAN}
MOVED_LOT: Columns = {
    "id": UUID_,
    "remaining": INTEGER,
    "held": INTEGER,
    "sequence": INTEGER,
    "pending": BOOLEAN,
    "expiries": INTEGER,
    "warned": BOOLEAN,
    "is_open": BOOLEAN,
}
RESOLVED_HOLD: Columns = {"id": UUID_, "status": TEXT, "captured": INTEGER, "resolved_at": MOMENT}
CHANGE: Columns = {
    "account_id": UUID_,
    "what": TEXT,
    "before": TEXT,
    "after": TEXT,
    "actor": TEXT,
    "reason": TEXT,
    "correlation_id": TEXT,
    "changed_at": MOMENT,
}
DIFFERENCE: Columns = {
    "account_id": UUID_,
    "platform_name": TEXT,
    "platform_shop_id": TEXT,
    "shop_domain": TEXT,
    "correlation_id": TEXT,
    "seen_at": MOMENT,
}


def write(plan: Plan, *, now: datetime, account_wait: timedelta) -> list[Recorded]:
    """Write the plan; returns the outbox rows that it recorded.

    Raises IntegrityError where another transaction took one of the references since they were looked up.
    """
    _insert_entries(plan.entries)
    _update("credit_accounts", MOVED, plan.accounts.values())
    _insert("credit_lots", NEW_LOT, plan.new_lots.values())
    _update("credit_lots", MOVED_LOT, plan.lots.values())
    _insert("credit_holds", HOLD, plan.new_holds.values())
    _update("credit_holds", RESOLVED_HOLD, plan.holds.values())
    _insert("credit_account_changes", CHANGE, plan.changes)
    traces = {request.correlation_id: request.traceparent for request, _ in plan.decided if request.traceparent}
    recorded = _recorded(plan.events, now, traces)
    insert_outbox(recorded)
    insert_waiting([_waiting_row(waiting, now, account_wait) for waiting in plan.waiting])
    delete_waiting(plan.taken)
    note_outcomes([(request.replay, outcome) for request, outcome in plan.decided if request.replay], now=now)
    park_rows([_to_park(parked) for parked in plan.parked], now=now)
    _insert_differences(plan.differences, now)
    return recorded


def _insert_entries(entries: Sequence[Entry]) -> None:
    # In the order of their references, or two batches could wait for each other. Without ON CONFLICT, by which
    # PostgreSQL looks for each key twice.
    rows = sorted(entries, key=attrgetter("reference_type", "reference_id"))
    insert_rows("credit_transactions", TRANSACTION, rows)


def _insert(table: str, columns: Columns, records: Iterable[Any]) -> None:
    insert_rows(table, columns, rows_of(records, columns))


def _update(table: str, columns: Columns, records: Iterable[Any]) -> None:
    """Set every column of these records' rows, found by id."""
    update_rows(table, columns, rows_of(records, columns))


def _recorded(events: Iterable[tuple[UUID, Event]], now: datetime, traces: Mapping[str, str]) -> list[Recorded]:
    """Each account's events as outbox rows, in batches of one destination."""
    batches: Mapping[tuple[Destination, int], UUID] = defaultdict(new_id)
    follow_ups = [(account_id, event, FOLLOW_UPS[event.event_type]) for account_id, event in events]
    return [
        Recorded(
            new_id(),
            batches[follow_up.destination, place // LARGEST_BATCH],
            follow_up.destination,
            follow_up.name,
            event.event_type,
            event.envelope(),
            account_id,
            event.account_sequence,
            event.transaction_id,
            event.correlation_id,
            traces.get(event.correlation_id, ""),
            now,
        )
        for place, (account_id, event, follow_up) in enumerate(follow_ups)
    ]


def _waiting_row(waiting: Waiting, now: datetime, account_wait: timedelta) -> dict[str, Any]:
    request = waiting.request
    message = request.message() if request.message else None
    due_at = request.due_at or now
    target_type, target_id = target_of(request.command) or ("", "")
    claim = claim_of(request)
    return {
        "fingerprint": message.fingerprint_of_replay if message else str(new_id()),
        "merchant_id": request.command.merchant_id,
        "target_reference_type": target_type,
        "target_reference_id": target_id,
        "reference_type": claim[0],
        "reference_id": claim[1],
        "task": request.command.task,
        "kwargs": request.command.model_dump(mode="json", exclude_unset=True),
        "message": message.as_text() if message else {},
        "send_again": False,
        "correlation_id": request.correlation_id,
        "arrived_at": now,
        "due_at": due_at,
        "park_at": max(now, due_at) + account_wait,
    }


def _to_park(parked: Parked) -> ToPark:
    request = parked.request
    return ToPark(
        message=request.message() if request.message else None,
        reason=parked.reason,
        field="reference_id" if parked.reason is ParkReason.IDEMPOTENCY_CONFLICT else "",
        detail=parked.detail,
        correlation_id=request.correlation_id,
        merchant_id=request.command.merchant_id,
        conflicts_with=parked.conflicts_with,
    )


def _insert_differences(differences: Sequence[Difference], now: datetime) -> None:
    seen = [name for name in DIFFERENCE if name != "seen_at"]
    rows = [{**{name: getattr(difference, name) for name in seen}, "seen_at": now} for difference in differences]
    shop = "(account_id, platform_name, platform_shop_id, shop_domain)"
    insert_rows(
        "credit_shop_differences", DIFFERENCE, rows_of_mappings(rows, DIFFERENCE), on_conflict=f"{shop} DO NOTHING"
    )
