"""A consumption as one would write it with Celery and Django's ORM: a task, one transaction, one message.

As good as that gets and no worse: the account's row is locked, a repeat finds the transaction that has its reference,
the balance and its totals move, lots burn in their order, the event is stored in the same transaction. It writes the
service's own tables, and gives up what the service has beyond: the hash chain (a random digest stands there), waiting,
parking, alerts, and the batch that an outbox row is in. Nobody publishes its events. No result, late acknowledgement, a
prefetch of 16 a process, the database's connection kept.
"""

import os
import secrets
from typing import Any
from uuid import UUID

import django
from celery import Celery
from kombu import Exchange, Queue

from celeryconfig import quorum

django.setup()

from django.db.transaction import atomic  # noqa: E402  (Django's tables are there only now)
from django.utils import timezone  # noqa: E402

from ledger.models import Account, Lot, OutboxRow, Transaction  # noqa: E402

NEVER_PUBLISHED = UUID(int=0)  # the batch of its events: there is no such one
QUEUE = Queue("bench.orm", exchange=Exchange("bench"), routing_key="bench.orm", queue_arguments=quorum)

app = Celery("orm", broker=os.environ.get("BROKER_URL"))
app.conf.update(
    task_queues=[QUEUE],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=16,
    broker_connection_retry_on_startup=True,
)
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000  # else Celery connects to the database anew for each task


@app.task(name="bench.orm")  # type: ignore[untyped-decorator]
def consume_match(*, merchant_id: str, match_id: str, shopper_id: str, matched_items_count: int) -> None:
    """Consume one credit for a match, once."""
    with atomic():
        account = Account.objects.select_for_update(no_key=True).get(merchant_id=merchant_id)
        if Transaction.objects.filter(reference_type="match", reference_id=match_id).exists():
            return
        lot = account.lots.filter(is_open=True).order_by("priority", "expires_at", "effective_at")[0]
        transaction = _transaction(account, lot, match_id, shopper_id, matched_items_count)
        lot.remaining -= 1
        lot.is_open = lot.remaining > 0
        lot.save(update_fields=["remaining", "is_open"])
        account.save(update_fields=["balance", "total_consumed", "sequence", "event_sequence", "rows", "updated_at"])
        transaction.save(force_insert=True)
        _tell(account, transaction)


def _transaction(account: Account, lot: Lot, match_id: str, shopper_id: str, count: int) -> Transaction:
    """The row of the consumption; moves the account on."""
    before = account.balance
    account.balance -= 1
    account.total_consumed += 1
    account.sequence += 1
    account.event_sequence += 1
    account.rows += 1
    account.updated_at = timezone.now()
    return Transaction(
        account=account,
        merchant_id=account.merchant_id,
        number=account.rows,
        sequence=account.sequence,
        status="posted",
        kind="consume",
        operation="debit",
        amount=1,
        stated_amount=1,
        balance_before=before,
        balance_after=account.balance,
        total_granted=account.total_granted,
        total_consumed=account.total_consumed,
        total_expired=account.total_expired,
        reference_type="match",
        reference_id=match_id,
        allocations=[[str(lot.id), 1]],
        description=f"Match for shopper {shopper_id}",
        metadata={"shopper_id": shopper_id, "matched_items_count": count},
        correlation_id=match_id,
        created_at=account.updated_at,
        digest=secrets.token_hex(32),
    )


def _tell(account: Account, transaction: Transaction) -> None:
    OutboxRow.objects.create(
        batch_id=NEVER_PUBLISHED,
        destination="event",
        name="evt.credits.consumed.v1",
        event_type="evt.credits.consumed.v1",
        body=_envelope(account, transaction),
        account=account,
        account_sequence=account.event_sequence,
        transaction=transaction,
        correlation_id=transaction.correlation_id,
        created_at=transaction.created_at,
    )


def _envelope(account: Account, transaction: Transaction) -> dict[str, Any]:
    return {
        "event_id": str(transaction.id),
        "event_type": "evt.credits.consumed.v1",
        "correlation_id": transaction.correlation_id,
        "source_service": "credit-service",
        "timestamp": transaction.created_at.isoformat(),
        "data": {
            "merchant_id": str(account.merchant_id),
            "amount": 1,
            "balance": account.balance,
            "reference_type": "match",
            "reference_id": transaction.reference_id,
            "platform_name": account.platform_name,
        },
        "metadata": {"account_sequence": account.event_sequence, "transaction_sequence": transaction.sequence},
    }
