"""The outbox: what is still to be told, written in the same database transaction as what it tells of."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.identifiers import new_id
from ledger.models.account import Account
from ledger.models.transaction import Transaction


class OutboxRow(models.Model):
    """One event, follow-up task or message to send again; published_at is set once the broker confirmed it."""

    class Destination(models.TextChoices):
        EVENT = "event"
        TASK = "task"
        MESSAGE = "message"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
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
    publish_after = models.DateTimeField(help_text="When the sweep may take it: the worker that wrote it goes first.")
    published_at = models.DateTimeField(null=True)
    unrouted = models.BooleanField(db_default=False, help_text="Nobody was bound for it when it was published.")
    attempts = models.IntegerField(db_default=0)
    last_error = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "credit_outbox"
        indexes: ClassVar = [
            models.Index(fields=["publish_after"], condition=Q(published_at=None), name="credit_outbox_unpublished"),
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
