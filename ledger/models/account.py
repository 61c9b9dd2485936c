"""The account: one merchant's balance, its totals, and where its two sequences stand."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.fields import PLATFORMS
from ledger.identifiers import new_id


class Account(models.Model):
    """One merchant's credit account, and the shop that it belongs to. Amounts are whole credits."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    merchant_id = models.UUIDField(unique=True)
    platform_name = models.CharField(max_length=32)
    platform_shop_id = models.CharField(max_length=255)
    shop_domain = models.CharField(max_length=255)
    shop_changed_at = models.DateTimeField(null=True, help_text="Of the newest change of shop, as its sender dated it.")
    balance = models.BigIntegerField(db_default=0)
    held = models.BigIntegerField(db_default=0, help_text="What open holds have set aside of the balance.")
    total_granted = models.BigIntegerField(db_default=0)
    total_consumed = models.BigIntegerField(db_default=0)
    total_expired = models.BigIntegerField(db_default=0)
    sequence = models.BigIntegerField(db_default=0, help_text="Posted transactions so far; the newest one's number.")
    event_sequence = models.BigIntegerField(db_default=0, help_text="Events told so far; the newest one's number.")
    rows = models.BigIntegerField(db_default=0, help_text="Rows of its hash chain so far, posted or not.")
    head = models.CharField(max_length=64, blank=True, db_default="", help_text="The digest of its newest row.")
    imported_rows = models.BigIntegerField(
        db_default=0, help_text="How many of its first rows were moved in from the predecessor, and told nothing."
    )
    armed = models.BooleanField(db_default=True, help_text="Whether the next fall below the threshold is told.")
    frozen = models.BooleanField(db_default=False, help_text="Whether consumptions and holds are declined.")
    low_balance_threshold = models.BigIntegerField(null=True, help_text="Its own one; empty for the service's.")
    next_due_at = models.DateTimeField(null=True, help_text="Before this moment nothing falls due on it.")
    correlation_id = models.CharField(max_length=255, blank=True, help_text="Of the request that opened it.")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="When its newest transaction was made.")

    class Meta:
        db_table = "credit_accounts"
        indexes: ClassVar = [
            models.Index(fields=["platform_name", "shop_domain"], name="credit_accounts_domain"),
            models.Index(fields=["platform_name", "platform_shop_id"], name="credit_accounts_shop"),
            models.Index(fields=["-created_at"], name="credit_accounts_newest"),
            models.Index(fields=["correlation_id"], name="credit_accounts_story"),
            models.Index(fields=["id"], name="credit_accounts_frozen", condition=Q(frozen=True)),
            models.Index(fields=["next_due_at"], name="credit_accounts_due", condition=Q(next_due_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=10**15), name="account_balance_in_range"),
            models.CheckConstraint(condition=Q(held__gte=0, held__lte=F("balance")), name="account_held_in_range"),
            models.CheckConstraint(
                condition=Q(balance=F("total_granted") - F("total_consumed") - F("total_expired")),
                name="account_totals_add_up",
            ),
            models.CheckConstraint(
                condition=Q(total_granted__gte=0, total_consumed__gte=0, total_expired__gte=0),
                name="account_totals_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(sequence__gte=0, event_sequence__gte=0, rows__gte=F("sequence")), name="account_sequences"
            ),
            models.CheckConstraint(
                condition=Q(low_balance_threshold=None) | Q(low_balance_threshold__gte=0), name="account_threshold"
            ),
            models.CheckConstraint(condition=Q(platform_name__in=PLATFORMS), name="account_platform_known"),
        ]

    def __str__(self) -> str:
        return f"{self.shop_domain} ({self.platform_name})"


class AccountChange(models.Model):
    """A change of an account that moved no credits: what, from what to what, who made it and why. Never changes."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="changes")
    what = models.CharField(max_length=32)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    actor = models.CharField(max_length=255, blank=True, help_text="Empty where another service asked for it.")
    reason = models.CharField(max_length=1000, blank=True)
    correlation_id = models.CharField(max_length=255)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "credit_account_changes"
        indexes: ClassVar = [models.Index(fields=["correlation_id"], name="credit_changes_story")]

    def __str__(self) -> str:
        return f"{self.what}: {self.before or '-'} → {self.after or '-'}"


class ShopDifference(models.Model):
    """A later opening of an open account with another shop: changed nothing, listed for staff to look at."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="shop_differences")
    platform_name = models.CharField(max_length=32)
    platform_shop_id = models.CharField(max_length=255)
    shop_domain = models.CharField(max_length=255)
    correlation_id = models.CharField(max_length=255)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "credit_shop_differences"
        indexes: ClassVar = [models.Index(fields=["correlation_id"], name="credit_differences_story")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "platform_name", "platform_shop_id", "shop_domain"], name="shop_difference_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shop_domain} ({self.platform_name})"
