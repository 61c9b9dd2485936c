"""Retries: asking once more for what was declined, under a reference of its own."""

from uuid import UUID

from ledger.errors import Refused
from ledger.instructions import Retry
from ledger.models import Transaction
from ledger.outcomes import Outcome
from ledger.staff.instructing import carry_out, instruction


def retry(transaction_id: UUID, *, actor: str, reason: str) -> Outcome:
    """Ask again for what a declined transaction asked for. A second retry of it is the replay of the first.

    All that is asked for stands on that row, which never changes; the reason is kept in the retry's metadata.
    A retry that was declined too is retried by its own id. Raises Refused where there is nothing to retry.
    """
    row = Transaction.objects.select_related("account").filter(pk=transaction_id).first()
    if row is None:
        raise Refused("there is no such transaction", field="transaction_id")
    if row.status != Transaction.Status.DECLINED:
        raise Refused(f"it is {row.status}: only a declined transaction can be retried", field="transaction_id")
    told = instruction(
        Retry,
        row.account,
        transaction_id=row.pk,
        kind=row.kind,
        operation=row.operation,
        amount=row.amount,
        stated_amount=row.stated_amount,
        description=row.description,
        metadata={**row.metadata, "retry_reason": reason},
        terms=row.terms,
        actor=actor,
        reason=reason,
    )
    return carry_out(told)


def retry_of(row: Transaction) -> Transaction | None:
    """The transaction that retried a declined one, if it was retried."""
    return Transaction.objects.filter(reference_type="retry", reference_id=str(row.pk)).first()
