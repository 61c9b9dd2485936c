"""The account: one merchant's balance, its totals, and where its two sequences stand."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.commands import PLATFORMS
from ledger.identifiers import new_id


class Account(models.Model):
    """One merchant's credit account, and the shop that it belongs to. Amounts are whole credits."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    merchant_id = models.UUIDField(unique=True)
    platform_name = models.CharField(max_length=32)
    platform_shop_id = models.CharField(max_length=255)
    shop_domain = models.CharField(max_length=255)
    balance = models.BigIntegerField(default=0)
    total_granted = models.BigIntegerField(default=0)
    total_consumed = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0, help_text="Posted transactions so far; the newest one's number.")
    event_sequence = models.BigIntegerField(default=0, help_text="Events told so far; the newest one's number.")
    armed = models.BooleanField(default=True, help_text="Whether the next fall below the threshold is told.")
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
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=10**15), name="account_balance_in_range"),
            models.CheckConstraint(
                condition=Q(balance=F("total_granted") - F("total_consumed")), name="account_totals_add_up"
            ),
            models.CheckConstraint(
                condition=Q(total_granted__gte=0, total_consumed__gte=0), name="account_totals_not_negative"
            ),
            models.CheckConstraint(condition=Q(sequence__gte=0, event_sequence__gte=0), name="account_sequences"),
            models.CheckConstraint(condition=Q(platform_name__in=PLATFORMS), name="account_platform_known"),
        ]

    def __str__(self) -> str:
        return f"{self.shop_domain} ({self.platform_name})"


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
