"""What staff do beyond the journal: adjustments that a second person must approve, and redactions."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from ledger.models.account import Account


class Adjustment(models.Model):
    """An adjustment that is too large for one person; id becomes the reference of the transaction."""

    class State(models.TextChoices):
        ASKED = "asked"
        APPROVED = "approved"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="adjustments")
    change = models.BigIntegerField(help_text="Credits, up or down.")
    category = models.CharField(max_length=16)
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=1000)
    asked_by = models.CharField(max_length=255)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.ASKED)
    decided_by = models.CharField(max_length=255, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.CharField(max_length=1000, blank=True, help_text="Why it was approved or refused.")

    class Meta:
        db_table = "credit_adjustments"
        indexes: ClassVar = [models.Index(fields=["state", "-asked_at"], name="credit_adjustments_state")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(change=0) & ~Q(reason=""), name="adjustment_says_what_and_why"),
            models.CheckConstraint(
                condition=Q(state="asked", decided_by="", decided_at=None)
                | (
                    Q(state__in=["approved", "refused"], decided_at__isnull=False)
                    & ~Q(decided_by="")
                    & ~Q(decided_by=F("asked_by"))
                ),
                name="adjustment_decided_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.change:+} credits, asked by {self.asked_by}"


class Redaction(models.Model):
    """One erasure of personal data: what it took from how many rows. Says nothing of what was erased."""

    transaction_id = models.UUIDField(null=True, help_text="Null where it was by shopper.")
    transactions = models.IntegerField()
    messages = models.IntegerField(help_text="Parked and waiting messages, and messages of the outbox.")
    actor = models.CharField(max_length=255)
    reason = models.CharField(max_length=1000)
    redacted_at = models.DateTimeField()

    class Meta:
        db_table = "credit_redactions"

    def __str__(self) -> str:
        return f"{self.transactions} transactions, {self.messages} messages"
