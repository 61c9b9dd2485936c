"""Shop differences: openings of open accounts with another shop, which changed nothing."""

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.columns import account, moment_of, story
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term, accounts_of
from ledger.admin.window import Scope
from ledger.models import ShopDifference


@admin.register(ShopDifference)
class ShopDifferenceAdmin(InspectAdmin):
    """For staff to look at, the last seen first."""

    joined = ("account",)
    list_display = (
        moment_of("seen_at", "Seen"),
        account,
        "platform_name",
        "platform_shop_id",
        "shop_domain",
        story,
    )
    search_help_text = "In full: merchant, domain, shop or correlation id"
    fieldsets = (
        ("The account's shop", {"fields": (account, "its_platform", "its_shop", "its_domain")}),
        (
            "The shop of the later opening",
            {"fields": ("platform_name", "platform_shop_id", "shop_domain", moment_of("seen_at", "Seen"), story)},
        ),
    )

    @admin.display(description="Platform name")
    def its_platform(self, row: ShopDifference) -> str:
        return row.account.platform_name

    @admin.display(description="Platform shop id")
    def its_shop(self, row: ShopDifference) -> str:
        return row.account.platform_shop_id

    @admin.display(description="Shop domain")
    def its_domain(self, row: ShopDifference) -> str:
        return row.account.shop_domain

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """Of the accounts that the term names, or with the correlation id."""
        accounts = [account.pk for account in accounts_of(term)]
        return Scope(Q(account_id__in=accounts) | Q(correlation_id=term.text))
