"""The lot: the credits of one grant, purchase, trial or adjustment, and what is left of them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.fields import MAX_AMOUNT, MAX_PRIORITY
from ledger.models.account import Account


class Lot(models.Model):
    """One lot; id and reference are those of the transaction that claimed them. Amounts are whole credits."""

    class Category(models.TextChoices):
        PAID = "paid"
        PROMOTIONAL = "promotional"

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lots", db_index=False)
    reference_type = models.CharField(max_length=64)
    reference_id = models.CharField(max_length=255)
    category = models.CharField(max_length=16, choices=Category.choices)
    priority = models.IntegerField(help_text="0 to 100; the lower number burns first.")
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    amount = models.BigIntegerField()
    remaining = models.BigIntegerField(help_text="What is left, with what holds have set aside of it.")
    held = models.BigIntegerField(help_text="What open holds have set aside of it.")
    sequence = models.BigIntegerField(null=True, help_text="Of the transaction that posted it.")
    pending = models.BooleanField(help_text="Whether it becomes effective later.")
    is_open = models.BooleanField(help_text="Whether anything is left of it, or still to come.")
    expiries = models.IntegerField(help_text="How many transactions expired a part of it.")
    warned = models.BooleanField(help_text="Whether its expiry was announced.")
    correlation_id = models.CharField(max_length=255)

    class Meta:
        db_table = "credit_lots"
        indexes: ClassVar = [
            models.Index(
                fields=["account", "priority", "expires_at", "-category", "effective_at", "sequence"],
                condition=Q(is_open=True),
                name="credit_lots_burning",
            ),
            models.Index(fields=["account", "id"], name="credit_lots_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gte=1, amount__lte=MAX_AMOUNT), name="lot_amount_in_range"),
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("amount")), name="lot_remaining_in_range"
            ),
            models.CheckConstraint(condition=Q(held__gte=0, held__lte=F("remaining")), name="lot_held_in_range"),
            models.CheckConstraint(condition=Q(priority__gte=0, priority__lte=MAX_PRIORITY), name="lot_priority"),
            models.CheckConstraint(condition=Q(category__in=["paid", "promotional"]), name="lot_category_known"),
            models.CheckConstraint(
                condition=Q(sequence__isnull=False, pending=False) | Q(sequence=None, remaining=0),
                name="lot_posted_or_empty",
            ),
            models.CheckConstraint(
                condition=Q(is_open=True, pending=True)
                | Q(is_open=True, remaining__gt=0)
                | Q(is_open=False, pending=False, remaining=0),
                name="lot_open_while_anything_is_left",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference_type}/{self.reference_id}"
