"""Waiting commands: accepted and acknowledged, but their account or target is not there yet, or their time not come."""

from typing import ClassVar

from django.db import models


class WaitingCommand(models.Model):
    """One command, in order of arrival (id). Nothing of it has been applied."""

    fingerprint = models.CharField(max_length=64, unique=True)
    merchant_id = models.UUIDField(null=True, help_text="Null where the message is sent again whole when due.")
    target_reference_type = models.CharField(max_length=64, blank=True, db_default="")
    target_reference_id = models.CharField(
        max_length=255, blank=True, db_default="", help_text="The transaction that it captures, releases or reverses."
    )
    reference_type = models.CharField(max_length=64, blank=True, db_default="")
    reference_id = models.CharField(max_length=255, blank=True, db_default="", help_text="The one that it will claim.")
    task = models.CharField(max_length=64)
    kwargs = models.JSONField(default=dict)
    message = models.JSONField(default=dict, help_text="The message that brought it, as text.")
    send_again = models.BooleanField(default=False, help_text="It carries callbacks or asks for a result.")
    correlation_id = models.CharField(max_length=255)
    arrived_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Its eta, else when it arrived.")
    park_at = models.DateTimeField(help_text="When it is parked if its account or target is still not there.")

    class Meta:
        db_table = "credit_waiting"
        indexes: ClassVar = [
            models.Index(fields=["merchant_id", "id"], name="credit_waiting_merchant"),
            models.Index(fields=["due_at"], name="credit_waiting_due"),
            models.Index(fields=["park_at"], name="credit_waiting_park"),
            models.Index(fields=["correlation_id"], name="credit_waiting_story"),
            models.Index(fields=["reference_id", "reference_type"], name="credit_waiting_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.task} since {self.arrived_at:%Y-%m-%d %H:%M:%S}"
