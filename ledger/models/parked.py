"""Parked messages: what can't be carried out as it is, kept whole until a person has looked."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.identifiers import new_id
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
            models.Index(fields=["reason", "last_seen_at", "id"], name="credit_parked_reason"),
            models.Index(fields=["name", "last_seen_at", "id"], name="credit_parked_name"),
            models.Index(fields=["queue", "last_seen_at", "id"], name="credit_parked_queue"),
            models.Index(fields=["merchant_id"], name="credit_parked_merchant"),
            models.Index(fields=["correlation_id"], name="credit_parked_story"),
            models.Index(fields=["reference_id", "reference_type"], name="credit_parked_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.queue}: {self.reason}"


class ParkedAct(models.Model):
    """What a person did about a parked message. Never changed; of several corrections a replay sends the newest."""

    class What(models.TextChoices):
        CORRECTED = "corrected"
        REPLAYED = "replayed"
        DISMISSED = "dismissed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)  # in the order in which they were done
    parked = models.ForeignKey(ParkedMessage, on_delete=models.CASCADE, related_name="acts", db_index=False)
    what = models.CharField(max_length=16, choices=What.choices)
    headers = models.TextField(blank=True, help_text="JSON; of a correction, as it is to be sent.")
    body = models.TextField(blank=True, help_text="JSON; of a correction, as it is to be sent.")
    actor = models.CharField(max_length=255)
    reason = models.CharField(max_length=1000, blank=True)
    acted_at = models.DateTimeField()

    class Meta:
        db_table = "credit_parked_acts"
        indexes: ClassVar = [models.Index(fields=["parked", "-id"], name="credit_parked_acts_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(what="replayed") | ~Q(reason=""), name="parked_act_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.what} by {self.actor}"


class ReplayOutcome(models.Model):
    """What became of a replay; of a consume_many, of each of its items."""

    # No database constraints on these two: the first is looked up when this is written, and only both of them are
    # ever cleared away; the second is written beside this one, and can't be deleted.
    replay = models.ForeignKey(
        ParkedAct, on_delete=models.CASCADE, related_name="outcomes", db_index=False, db_constraint=False
    )
    item = models.IntegerField(help_text="Its number within the message; 0 where that is one command.")
    status = models.CharField(max_length=16, help_text="One of ledger.outcomes.Status.")
    reason = models.TextField(blank=True)
    transaction = models.ForeignKey(
        Transaction, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    repeated = models.BooleanField(help_text="Its reference was held by the same request already: nothing was applied.")
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "credit_replay_outcomes"
        constraints: ClassVar = [models.UniqueConstraint(fields=["replay", "item"], name="replay_outcome_once")]

    def __str__(self) -> str:
        return self.status
