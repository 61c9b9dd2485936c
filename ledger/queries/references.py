"""References: what became of the request that a producer sent, so that it can ask instead of guess."""

from datetime import datetime
from typing import Any

from django.db.models import Case, Value, When

from ledger import dialect
from ledger.models import ParkedMessage, Transaction, WaitingCommand
from ledger.queries.connection import asked_again_if_lost
from ledger.snapshot import snapshot

SHOWN = 20  # of the messages that wait or are parked for one reference
_STILL_PARKED_FIRST = Case(When(state=ParkedMessage.State.PARKED, then=Value(0)), default=Value(1))


@asked_again_if_lost
def what_became_of(reference_type: str, reference_id: str) -> dict[str, Any]:
    """The transaction that holds a reference, and the messages that ask for it and wait or are parked.

    status is that of the transaction; else waiting, or parked while a person has not looked, or unknown. All is read
    of one state of the books: a command that is applied meanwhile would else be neither waiting nor posted.
    """
    with snapshot():
        return _read({"reference_type": reference_type, "reference_id": reference_id})


def _read(named: dict[str, str]) -> dict[str, Any]:
    now = dialect.current().clock()
    found = Transaction.objects.filter(**named).first()
    waiting = [_waiting(row, now) for row in WaitingCommand.objects.filter(**named).order_by("-id")[:SHOWN]]
    messages = ParkedMessage.objects.filter(**named).order_by(_STILL_PARKED_FIRST, "-last_seen_at", "-id")
    parked = [_parked(row) for row in messages[:SHOWN]]
    return {
        **named,
        "status": _status(found, waiting, parked),
        "transaction": found and _transaction(found),
        "waiting": waiting,
        "parked": parked,
    }


def _status(found: Transaction | None, waiting: list[dict[str, Any]], parked: list[dict[str, Any]]) -> str:
    if found is not None:
        return found.status
    if waiting:
        return "waiting"
    return "parked" if any(message["state"] == "parked" for message in parked) else "unknown"


def _transaction(row: Transaction) -> dict[str, Any]:
    return {
        "transaction_id": row.id,
        "merchant_id": row.merchant_id,
        "operation": row.operation,
        "kind": row.kind,
        "amount": row.amount,
        "balance": row.balance_after,
        "reason": row.reason or None,
        "retried_by": _retried_by(row),
        "correlation_id": row.correlation_id,
        "created_at": row.created_at,
    }


def _retried_by(row: Transaction) -> Any:
    if row.status != Transaction.Status.DECLINED:
        return None
    retry = Transaction.objects.filter(reference_type="retry", reference_id=str(row.id))
    return retry.values_list("id", flat=True).first()


def _waiting(row: WaitingCommand, now: datetime) -> dict[str, Any]:
    return {
        "task": row.task,
        "merchant_id": row.merchant_id,
        "waits_for": _waits_for(row, now),
        "correlation_id": row.correlation_id,
        "arrived_at": row.arrived_at,
        "due_at": row.due_at,
        "park_at": row.park_at,
    }


def _waits_for(row: WaitingCommand, now: datetime) -> str:
    if row.send_again or row.due_at > now:
        return "time"
    return "target" if row.target_reference_id else "account"


def _parked(row: ParkedMessage) -> dict[str, Any]:
    return {
        "name": row.name,
        "merchant_id": row.merchant_id,
        "state": row.state,
        "reason": row.reason,
        "field": row.field or None,
        "detail": row.detail,
        "correlation_id": row.correlation_id,
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "count": row.count,
    }
