"""The outbox: events, follow-up tasks and messages to send again, and how far each has come."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.columns import account, label_of, moment_of, number_of, publication, story, text_of
from ledger.admin.display import pretty, pretty_message, row_link
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term, transactions_of
from ledger.admin.window import Scope
from ledger.models import OutboxRow


class PublicationFilter(ChoiceFilter):
    """Rows still to be sent, or sent."""

    title = "state"
    parameter_name = "state"
    conditions: ClassVar = {
        "unpublished": ("to be sent", Q(batch__published_at=None)),
        "published": ("published", Q(batch__published_at__isnull=False)),
        "unrouted": ("published, nobody listening", Q(unrouted=True)),
    }
    indexed_by: ClassVar = {"unpublished": ("batch__publish_after", "id")}


class DestinationFilter(ChoiceFilter):
    """Rows of one destination."""

    title = "destination"
    parameter_name = "destination"
    conditions = each_of("destination", OutboxRow.Destination.values)


@admin.register(OutboxRow)
class OutboxAdmin(InspectAdmin):
    """What is told to the world, the newest first."""

    list_display = (
        moment_of("created_at", "Recorded"),
        "destination",
        "name",
        publication,
        moment_of("batch.published_at", "Published"),
        number_of("batch.attempts", "Attempts"),
        number_of("account_sequence", "No."),
        story,
    )
    list_filter = (PublicationFilter, DestinationFilter)
    search_help_text = "In full: merchant, domain, reference (type/id) or correlation id"
    joined = ("batch", "account", "transaction")
    fieldsets = (
        (
            "Delivery",
            {
                "fields": (
                    publication,
                    label_of("destination", "Destination", {}),
                    "name",
                    moment_of("created_at", "Recorded"),
                    moment_of("batch.publish_after", "Sent again from"),
                    moment_of("batch.published_at", "Published"),
                    number_of("batch.attempts", "Attempts"),
                    text_of("batch.last_error", "Last error"),
                )
            },
        ),
        (
            "Content",
            {"fields": ("event_type", "content", story)},
        ),
        (
            "Cause",
            {"fields": (account, number_of("account_sequence", "No. within the account"), "cause", "id")},
        ),
    )

    @admin.display(description="Body")
    def content(self, row: OutboxRow) -> object:
        return pretty_message(row.body) if row.destination == OutboxRow.Destination.MESSAGE else pretty(row.body)

    @admin.display(description="Transaction")
    def cause(self, row: OutboxRow) -> object:
        return row_link(row.transaction)

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """One account's; else what the transactions that the term names told, or what has it as correlation id."""
        account = self.one_account(request, term)
        if account is not None:
            return Scope(Q(account_id=account.pk), by=("account_sequence",))
        causes = transactions_of(term)
        told = Q(
            correlation_id__in={cause.correlation_id for cause in causes},
            transaction_id__in={cause.pk for cause in causes},
        )
        own = Q(pk=term.uuid) if term.uuid else Q(pk__in=[])
        return Scope(Q(correlation_id=term.text) | told | own)
