"""The hold: credits set aside for somebody who must know before delivering, and how that ended."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.models.account import Account


class Hold(models.Model):
    """One hold; id and reference are those of the transaction that recorded it. Amounts are whole credits."""

    class Status(models.TextChoices):
        OPEN = "open"
        CAPTURED = "captured"
        RELEASED = "released"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds", db_index=False)
    reference_type = models.CharField(max_length=64)
    reference_id = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    took = models.JSONField(help_text="Of which lots it has set aside how much.")
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=Status.choices)
    captured = models.BigIntegerField(help_text="What was consumed of it.")
    resolved_at = models.DateTimeField(null=True)
    correlation_id = models.CharField(max_length=255)

    class Meta:
        db_table = "credit_holds"
        indexes: ClassVar = [
            models.Index(fields=["account", "status"], name="credit_holds_account"),
            models.Index(fields=["account", "id"], name="credit_holds_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gte=1), name="hold_amount_in_range"),
            models.CheckConstraint(
                condition=Q(status="open", captured=0, resolved_at=None)
                | Q(status="captured", captured__gte=1, captured__lte=F("amount"), resolved_at__isnull=False)
                | Q(status__in=["released", "expired"], captured=0, resolved_at__isnull=False),
                name="hold_resolved_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference_type}/{self.reference_id}"
