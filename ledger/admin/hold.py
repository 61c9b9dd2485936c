"""Holds: credits set aside, and how each ended."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.allocations import allocations_table
from ledger.admin.columns import account, label_of, moment_of, number_of, shop, story
from ledger.admin.display import Table, link, page_of, shortened
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term, transactions_of
from ledger.admin.tables import visible
from ledger.admin.window import Scope
from ledger.models import Hold, Lot, Transaction

STATES = {"open": "warning", "captured": "success", "released": "info", "expired": "danger"}


class StatusFilter(ChoiceFilter):
    """Open ones, or those resolved in one way."""

    title = "state"
    parameter_name = "state"
    conditions = each_of("status", Hold.Status.values)


@admin.register(Hold)
class HoldAdmin(InspectAdmin):
    """Every hold, the newest first."""

    joined = ("account",)
    list_display = (
        "reference",
        label_of("status", "State", STATES),
        number_of("amount", "Amount"),
        number_of("captured", "Captured"),
        moment_of("expires_at", "Runs out"),
        moment_of("resolved_at", "Resolved"),
        shop,
        story,
    )
    list_filter = (StatusFilter,)
    search_help_text = "In full: merchant, domain, reference (type/id) or correlation id"
    fieldsets = (
        (
            "Hold",
            {
                "fields": (
                    label_of("status", "State", STATES),
                    number_of("amount", "Amount"),
                    number_of("captured", "Captured"),
                    moment_of("expires_at", "Runs out"),
                    moment_of("resolved_at", "Resolved"),
                )
            },
        ),
        ("Place in the books", {"fields": (account, "transaction", story, "id")}),
    )

    @admin.display(description="Reference")
    def reference(self, row: Hold) -> str:
        return shortened(str(row))

    @admin.display(description="Transaction")
    def transaction(self, row: Hold) -> object:
        return link(page_of(Transaction(pk=row.pk)), row)

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """One account's; else those that the transactions which the term names have placed."""
        account = self.one_account(request, term)
        if account is not None:
            return Scope(Q(account_id=account.pk))
        return Scope(Q(pk__in=[transaction.pk for transaction in transactions_of(term)]))

    def tables(self, request: HttpRequest, row: Hold) -> Sequence[Table]:
        return visible(request, ((Lot, lambda: allocations_table("Set aside of these lots", row.took)),))
