"""Transactions: the list, and one page a transaction with what it told."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.acting import ActingAdmin, Action
from ledger.admin.allocations import allocations_table, opened_table
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
from ledger.admin.display import Table, link, page_of, row_link
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.search import Term
from ledger.admin.tables import NEWEST, events_table, visible
from ledger.admin.window import Scope
from ledger.models import Lot, OutboxRow, Transaction
from ledger.outcomes import DeclineReason, Outcome
from ledger.staff import retry
from ledger.staff.retries import retry_of

STATUSES = {"posted": "success", "recorded": "info", "declined": "danger"}


def _retry(row: Transaction, **by: Any) -> Outcome:
    return retry(row.pk, **by)


RETRY = Action(
    name="retry",
    title="Retry",
    permission="ledger.add_transaction",
    note=lambda row: "Asks once more for what was declined, under a reference of its own. It can be done once.",
    carry_out=_retry,
    fits=lambda row, actor: row.status == Transaction.Status.DECLINED and retry_of(row) is None,
)


class StatusFilter(ChoiceFilter):
    """Posted, recorded or declined ones."""

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
class TransactionAdmin(ActingAdmin):
    """Every request that claimed a reference, posted, recorded or declined, the newest first."""

    acts = (RETRY,)
    joined = ("account",)
    list_display = (
        moment_of("created_at", "Time"),
        label_of("status", "Status", STATUSES),
        "kind",
        credits_moved,
        number_of("balance_after", "Balance after"),
        reference,
        shop,
        story,
    )
    list_filter = (StatusFilter, KindFilter, ReasonFilter)
    search_help_text = "In full: merchant, domain, reference (type/id) or correlation id"
    fieldsets = (
        (
            "Decision",
            {
                "fields": (
                    label_of("status", "Status", STATUSES),
                    "reason",
                    "retried_by",
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
                    json_of("terms", "Terms"),
                    "target",
                    "actor",
                    "producer",
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
                    number_of("number", "No. of all rows of the account"),
                    number_of("sequence", "No. within the account"),
                    number_of("total_granted", "Granted in all, after it"),
                    number_of("total_consumed", "Consumed in all, after it"),
                    number_of("total_expired", "Expired in all, after it"),
                    moment_of("created_at", "Time"),
                    "digest",
                    "content",
                    "id",
                )
            },
        ),
    )

    @admin.display(description="Retried by", empty_value="–")
    def retried_by(self, row: Transaction) -> object:
        return row_link(retry_of(row)) if row.status == Transaction.Status.DECLINED else None

    @admin.display(description="Aims at", empty_value="–")
    def target(self, row: Transaction) -> object:
        return link(page_of(Transaction(pk=row.target_id)), row.target_id) if row.target_id else None

    @admin.display(description="Digest of description and metadata", empty_value="–")
    def content(self, row: Transaction) -> str | None:
        """The content's own digest; without its salt the content was redacted."""
        if not row.content_digest:
            return None
        return row.content_digest if row.salt else f"{row.content_digest} (redacted)"

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """One account's; else those whose reference, correlation id or own id the term is."""
        account = self.one_account(request, term)
        if account is not None:
            return Scope(Q(merchant_id=account.merchant_id), by=("created_at", "id"))
        return Scope(term.is_transaction())

    def tables(self, request: HttpRequest, row: Transaction) -> Sequence[Table]:
        events = OutboxRow.objects.filter(correlation_id=row.correlation_id, transaction_id=row.pk)
        in_order = events.order_by("account_sequence")[:NEWEST]
        return visible(
            request, ((Lot, lambda: _lots(row)), (OutboxRow, lambda: events_table("What it told", in_order)))
        )


def _lots(row: Transaction) -> Table:
    """The lot that it opened, which has its id; of any other, those that it took from."""
    opened = Lot.objects.filter(pk=row.pk).first()
    if opened is not None:
        return opened_table(opened)
    return allocations_table("Lots that it took from, or gave back to", row.allocations)
