"""The outbox: what is still to be told, written in the same database transaction as what it tells of."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.identifiers import new_id
from ledger.models.account import Account
from ledger.models.transaction import Transaction


class Destination(models.TextChoices):
    """What an outbox row is, and so where it goes."""

    EVENT = "event"
    TASK = "task"
    MESSAGE = "message"


class OutboxBatch(models.Model):
    """Outbox rows that are published together: one row to lease and to mark, however many they are.

    published_at is set once the broker confirmed all of them; what it did not confirm leaves for a batch of its own.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    destination = models.CharField(max_length=8, choices=Destination.choices)
    size = models.IntegerField(help_text="How many rows are to be confirmed.")
    publish_after = models.DateTimeField(help_text="When the sweep may take it: the worker that wrote it goes first.")
    published_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(db_default=0)
    last_error = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "credit_outbox_batches"
        verbose_name_plural = "outbox batches"
        indexes: ClassVar = [
            models.Index(fields=["publish_after"], condition=Q(published_at=None), name="credit_outbox_unpublished"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class OutboxRow(models.Model):
    """One event, follow-up task or message to send again; how far it has come says its batch."""

    Destination = Destination

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # No database constraint: both are written together, and a batch is deleted after its rows.
    batch = models.ForeignKey(OutboxBatch, on_delete=models.PROTECT, related_name="rows", db_constraint=False)
    destination = models.CharField(max_length=8, choices=Destination.choices)
    name = models.CharField(max_length=255, help_text="Routing key of an event, name of a task, queue of a message.")
    event_type = models.CharField(max_length=64, blank=True)
    body = models.JSONField(help_text="An event's envelope, or a stored message.")
    # No database constraints on these two: both rows are written beside this one, and neither can be deleted.
    account = models.ForeignKey(
        Account, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    account_sequence = models.BigIntegerField(null=True)
    transaction = models.ForeignKey(
        Transaction, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    correlation_id = models.CharField(max_length=255)
    traceparent = models.CharField(
        max_length=64, blank=True, db_default="", help_text="The span that it goes on from, where that was traced."
    )
    created_at = models.DateTimeField()
    unrouted = models.BooleanField(db_default=False, help_text="Nobody was bound for it when it was published.")

    class Meta:
        db_table = "credit_outbox"
        indexes: ClassVar = [
            models.Index(fields=["correlation_id"], name="credit_outbox_story"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "account_sequence"], name="outbox_account_sequence_once"),
            models.CheckConstraint(
                condition=Q(destination__in=["event", "task", "message"]), name="outbox_destination_known"
            ),
            models.CheckConstraint(
                condition=(
                    Q(event_type="")
                    | Q(
                        account__isnull=False,
                        account_sequence__isnull=False,  # a condition that is NULL would hold
                        account_sequence__gte=1,
                        transaction__isnull=False,
                    )
                ),
                name="outbox_event_has_its_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.account_sequence or self.pk}"
