"""Parked messages: what can't be carried out as it is, kept whole until a person has looked."""

from typing import ClassVar

from django.db import models

from ledger.models.transaction import Transaction


class ParkedMessage(models.Model):
    """One message as it arrived, why it was parked, and what a person decided."""

    class State(models.TextChoices):
        PARKED = "parked"
        REPLAYED = "replayed"
        DISMISSED = "dismissed"

    fingerprint = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PARKED)
    reason = models.CharField(max_length=64, help_text="One of ledger.outcomes.ParkReason.")
    field = models.CharField(max_length=255, blank=True, help_text="The field that was refused.")
    detail = models.TextField(blank=True)
    queue = models.CharField(max_length=255)
    name = models.CharField(max_length=255, help_text="The task, or the routing key of a plain event.")
    headers = models.TextField(help_text="JSON")
    properties = models.TextField(help_text="JSON")
    body = models.TextField()
    body_encoding = models.CharField(max_length=8, default="utf-8")
    merchant_id = models.UUIDField(null=True)
    reference_type = models.CharField(max_length=64, blank=True, db_default="")
    reference_id = models.CharField(
        max_length=255, blank=True, db_default="", help_text="The one that it asks for, if that can be made out."
    )
    correlation_id = models.CharField(max_length=255, blank=True)
    conflicts_with = models.ForeignKey(
        Transaction, null=True, on_delete=models.PROTECT, related_name="+", db_index=False,
        help_text="The transaction that holds the reference, where this is an idempotency conflict.",
    )  # fmt: skip
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    count = models.BigIntegerField(default=1)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "credit_parked"
        indexes: ClassVar = [
            models.Index(fields=["state", "-last_seen_at"], name="credit_parked_state"),
            models.Index(fields=["-last_seen_at"], name="credit_parked_newest"),
            models.Index(fields=["merchant_id"], name="credit_parked_merchant"),
            models.Index(fields=["correlation_id"], name="credit_parked_story"),
            models.Index(fields=["reference_id", "reference_type"], name="credit_parked_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.queue}: {self.reason}"
