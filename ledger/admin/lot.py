"""Lots: the credits of each grant, purchase, trial and adjustment, and what is left of them."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.columns import account, label_of, moment_of, number_of, shop, story
from ledger.admin.display import link, page_of, shortened
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term, transactions_of
from ledger.admin.standing import state_of
from ledger.admin.window import Scope
from ledger.models import Lot, Transaction

CATEGORIES = {"paid": "success", "promotional": "info"}


class StateFilter(ChoiceFilter):
    """Lots of which something is left, those that become effective later, that are used up, or that came to nothing."""

    title = "state"
    parameter_name = "state"
    conditions: ClassVar = {
        "open": ("open", Q(is_open=True, pending=False)),
        "pending": ("pending", Q(pending=True)),
        "closed": ("closed", Q(is_open=False, sequence__isnull=False)),
        "void": ("void", Q(is_open=False, sequence=None)),
    }


class CategoryFilter(ChoiceFilter):
    """Lots of one category."""

    title = "category"
    parameter_name = "category"
    conditions = each_of("category", Lot.Category.values)


@admin.register(Lot)
class LotAdmin(InspectAdmin):
    """Every lot, the newest first."""

    joined = ("account",)
    list_display = (
        "reference",
        "state",
        label_of("category", "Category", CATEGORIES),
        "priority",
        moment_of("effective_at", "Effective"),
        moment_of("expires_at", "Expires"),
        number_of("amount", "Amount"),
        number_of("remaining", "Remaining"),
        number_of("held", "Held"),
        shop,
    )
    list_filter = (StateFilter, CategoryFilter)
    search_help_text = "In full: merchant, domain, reference (type/id) or correlation id"
    fieldsets = (
        (
            "What is left",
            {
                "fields": (
                    "state",
                    number_of("amount", "Amount"),
                    number_of("remaining", "Remaining"),
                    number_of("held", "Of it held"),
                    number_of("expiries", "Transactions that expired a part"),
                    "warned",
                )
            },
        ),
        (
            "Terms",
            {
                "fields": (
                    label_of("category", "Category", CATEGORIES),
                    "priority",
                    moment_of("effective_at", "Effective"),
                    moment_of("expires_at", "Expires"),
                )
            },
        ),
        (
            "Place in the books",
            {"fields": (account, "transaction", number_of("sequence", "Posted as no."), story, "id")},
        ),
    )

    @admin.display(description="Reference")
    def reference(self, row: Lot) -> str:
        return shortened(str(row))

    @admin.display(description="State")
    def state(self, row: Lot) -> str:
        return state_of(row)

    @admin.display(description="Transaction")
    def transaction(self, row: Lot) -> object:
        return link(page_of(Transaction(pk=row.pk)), row)

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """One account's; else those that the transactions which the term names have opened."""
        account = self.one_account(request, term)
        if account is not None:
            return Scope(Q(account_id=account.pk))
        return Scope(Q(pk__in=[transaction.pk for transaction in transactions_of(term)]))
