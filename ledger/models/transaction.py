"""The transaction: one immutable row for every request that claimed a reference: posted, recorded or declined."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.identifiers import new_id
from ledger.models.account import Account
from ledger.outcomes import DeclineReason

CREDITS = ["trial", "purchase", "grant", "adjust", "release", "reverse", "import"]
DEBITS = ["consume", "hold", "capture", "expire", "adjust", "reverse", "import"]


class Transaction(models.Model):
    """A transfer between the merchant's account and the house account that `kind` names, a declined one, or a record.

    A recorded one claims its reference and moves nothing: a hold, its release, a credit that is not effective yet.
    Triggers refuse any UPDATE but a redaction, any DELETE and TRUNCATE: a correction is a new transaction.
    """

    class Status(models.TextChoices):
        POSTED = "posted"
        RECORDED = "recorded"
        DECLINED = "declined"

    class Operation(models.TextChoices):
        CREDIT = "credit"
        DEBIT = "debit"

    class Kind(models.TextChoices):
        TRIAL = "trial"
        PURCHASE = "purchase"
        GRANT = "grant"
        ADJUST = "adjust"
        CONSUME = "consume"
        HOLD = "hold"
        CAPTURE = "capture"
        RELEASE = "release"
        REVERSE = "reverse"
        EXPIRE = "expire"
        IMPORT = "import"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="transactions", db_index=False)
    merchant_id = models.UUIDField()
    number = models.BigIntegerField(help_text="1, 2, 3 … within the account, over all its rows.")
    sequence = models.BigIntegerField(null=True, help_text="1, 2, 3 … within the account; null where not posted.")
    status = models.CharField(max_length=16, choices=Status.choices)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    operation = models.CharField(max_length=8, choices=Operation.choices)
    amount = models.BigIntegerField()
    stated_amount = models.BigIntegerField(null=True, help_text="The amount as the caller stated it, if it did.")
    balance_before = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    total_granted = models.BigIntegerField(help_text="The account's running total after this row.")
    total_consumed = models.BigIntegerField(help_text="The account's running total after this row.")
    total_expired = models.BigIntegerField(help_text="The account's running total after this row.")
    reference_type = models.CharField(max_length=64)
    reference_id = models.CharField(max_length=255)
    target_id = models.UUIDField(null=True, help_text="The transaction that it captures, releases, reverses or ends.")
    allocations = models.JSONField(default=list, help_text="Of which lots it took how much, or gave back.")
    terms = models.JSONField(default=dict, help_text="What its request said beyond amount and reference.")
    reason = models.CharField(max_length=32, blank=True, help_text="Why it was declined.")
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict)
    actor = models.CharField(max_length=255, blank=True, help_text="The person who asked for it, if a person did.")
    producer = models.CharField(
        max_length=255,
        blank=True,
        db_default="",
        help_text="The broker's user who sent it, as RabbitMQ has validated it.",
    )
    correlation_id = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    salt = models.CharField(max_length=32, blank=True)
    content_digest = models.CharField(max_length=64, blank=True, help_text="Of salt, description and metadata.")
    digest = models.CharField(max_length=64, help_text="Of this row and of the digest before it.")

    class Meta:
        db_table = "credit_transactions"
        indexes: ClassVar = [
            models.Index(fields=["merchant_id", "created_at"], name="credit_transactions_time"),
            models.Index(fields=["correlation_id"], name="credit_transactions_story"),
            models.Index(fields=["target_id"], name="credit_transactions_target", condition=Q(target_id__isnull=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference_type", "reference_id"], name="transaction_reference_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="transaction_sequence_once"),
            models.CheckConstraint(condition=Q(amount__gte=1, amount__lte=10**12), name="transaction_amount_in_range"),
            models.CheckConstraint(
                condition=Q(balance_before__gte=0, balance_after__gte=0), name="transaction_balances_not_negative"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=["declined", "recorded"], sequence=None, balance_after=F("balance_before"))
                    | Q(
                        status="posted",
                        operation="credit",
                        sequence__isnull=False,  # a condition that is NULL would hold
                        sequence__gte=1,
                        balance_after=F("balance_before") + F("amount"),
                    )
                    | Q(
                        status="posted",
                        operation="debit",
                        sequence__isnull=False,
                        sequence__gte=1,
                        balance_after=F("balance_before") - F("amount"),
                    )
                ),
                name="transaction_balances_add_up",
            ),
            models.CheckConstraint(
                condition=Q(balance_after=F("total_granted") - F("total_consumed") - F("total_expired")),
                name="transaction_totals_add_up",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_granted__gte=0, total_consumed__gte=0, total_expired__gte=0, balance_after__lte=10**15
                ),
                name="transaction_totals_in_range",
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        operation="credit",
                        kind__in=CREDITS,
                    )
                    | Q(
                        operation="debit",
                        kind__in=DEBITS,
                    )
                ),
                name="transaction_kind_fits_operation",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=["posted", "recorded"], reason="")
                    | Q(status="declined", reason__in=[str(reason) for reason in DeclineReason])
                ),
                name="transaction_reason_fits_status",
            ),
            models.CheckConstraint(
                condition=~Q(reference_type="") & ~Q(reference_id=""), name="transaction_reference_given"
            ),
            models.CheckConstraint(
                condition=Q(status="posted")
                | Q(status="declined")
                | Q(kind__in=["hold", "release"])
                | Q(status="recorded", operation="credit"),
                name="transaction_recorded_kinds",
            ),
            models.CheckConstraint(condition=Q(number__gte=1) & ~Q(digest=""), name="transaction_chained"),
        ]

    def __str__(self) -> str:
        return f"{self.reference_type}/{self.reference_id}"
