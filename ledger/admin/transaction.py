"""Transactions: the list, and one page a transaction with what it told."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.columns import (
    account,
    credits_moved,
    json_of,
    label_of,
    moment_of,
    number_of,
    reference,
    shop,
    story,
)
from ledger.admin.display import Table
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term
from ledger.admin.tables import NEWEST, events_table, visible
from ledger.admin.window import Scope
from ledger.models import OutboxRow, Transaction
from ledger.outcomes import DeclineReason


class StatusFilter(ChoiceFilter):
    """Posted or declined ones."""

    title = "status"
    parameter_name = "status"
    conditions = each_of("status", Transaction.Status.values)


class KindFilter(ChoiceFilter):
    """Those of one kind."""

    title = "kind"
    parameter_name = "kind"
    conditions = each_of("kind", Transaction.Kind.values)


class ReasonFilter(ChoiceFilter):
    """Those declined for one reason."""

    title = "reason of a decline"
    parameter_name = "reason"
    conditions = each_of("reason", [str(reason) for reason in DeclineReason])


@admin.register(Transaction)
class TransactionAdmin(InspectAdmin):
    """Every request that claimed a reference, posted or declined, the newest first."""

    joined = ("account",)
    list_display = (
        moment_of("created_at", "Time"),
        label_of("status", "Status", {"posted": "success", "declined": "danger"}),
        "kind",
        credits_moved,
        number_of("balance_after", "Balance after"),
        reference,
        shop,
        story,
    )
    list_filter = (StatusFilter, KindFilter, ReasonFilter)
    search_help_text = "Merchant, domain, reference (type/id) or correlation id"
    fieldsets = (
        (
            "Decision",
            {
                "fields": (
                    label_of("status", "Status", {"posted": "success", "declined": "danger"}),
                    "reason",
                    "kind",
                    credits_moved,
                    number_of("stated_amount", "Amount as stated"),
                    number_of("balance_before", "Balance before"),
                    number_of("balance_after", "Balance after"),
                )
            },
        ),
        (
            "Request",
            {
                "fields": (
                    "reference_type",
                    "reference_id",
                    "description",
                    json_of("metadata", "Metadata"),
                    story,
                )
            },
        ),
        (
            "Place in the books",
            {
                "fields": (
                    account,
                    "merchant_id",
                    number_of("sequence", "No. within the account"),
                    number_of("total_granted", "Granted in all, after it"),
                    number_of("total_consumed", "Consumed in all, after it"),
                    moment_of("created_at", "Time"),
                    "id",
                )
            },
        ),
    )

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """One account's; else those whose reference, correlation id or own id the term is."""
        account = self.one_account(request, term)
        if account is not None:
            return Scope(Q(merchant_id=account.merchant_id), by=("created_at", "id"))
        return Scope(term.is_transaction())

    def tables(self, request: HttpRequest, row: Transaction) -> Sequence[Table]:
        events = OutboxRow.objects.filter(correlation_id=row.correlation_id, transaction_id=row.pk)
        in_order = events.order_by("account_sequence")[:NEWEST]
        return visible(request, ((OutboxRow, lambda: events_table("What it told", in_order)),))
