"""Waiting commands: accepted, but their account or what they aim at is not there yet, or their time not come."""

import json
from datetime import UTC, datetime
from typing import ClassVar

from django.contrib import admin
from django.db.models import F, Q
from django.http import HttpRequest

from ledger.admin.columns import json_of, moment_of, story
from ledger.admin.display import link, list_of, pretty_message
from ledger.admin.filters import ChoiceFilter
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term
from ledger.admin.window import Scope
from ledger.messages import UNTOLD
from ledger.models import Account, WaitingCommand


class CauseFilter(ChoiceFilter):
    """By what they wait for."""

    title = "what they wait for"
    parameter_name = "for"
    conditions: ClassVar = {
        "account": ("their account", Q(due_at__lte=F("arrived_at"), target_reference_type="")),
        "target": ("what they aim at", Q(due_at__lte=F("arrived_at")) & ~Q(target_reference_type="")),
        "time": ("their time", Q(due_at__gt=F("arrived_at"))),
    }


@admin.register(WaitingCommand)
class WaitingAdmin(InspectAdmin):
    """What waits, the latest arrival first."""

    list_display = (
        moment_of("arrived_at", "Arrived"),
        "task",
        "cause",
        moment_of("due_at", "Due"),
        moment_of("park_at", "Parked if still waiting"),
        "merchant",
        story,
    )
    list_filter = (CauseFilter,)
    search_help_text = "In full: merchant, domain, reference (type/id) or correlation id"
    fieldsets = (
        (
            "Waiting",
            {
                "fields": (
                    "cause",
                    "target",
                    moment_of("arrived_at", "Arrived"),
                    moment_of("due_at", "Due"),
                    moment_of("park_at", "Parked if still waiting"),
                )
            },
        ),
        ("Command", {"fields": ("task", "merchant", json_of("kwargs", "Arguments"), story)}),
        ("Message", {"fields": ("send_again", "whole")}),
    )

    @admin.display(description="Waits for")
    def cause(self, row: WaitingCommand) -> str:
        if row.send_again and UNTOLD in json.loads(row.message["headers"]):
            return "what follows it to be told"
        if row.due_at > datetime.now(UTC):
            return "its time"
        return "its account, or what it aims at" if row.target_reference_type else "its account"

    @admin.display(description="Aims at", empty_value="–")
    def target(self, row: WaitingCommand) -> str | None:
        return f"{row.target_reference_type}/{row.target_reference_id}" if row.target_reference_type else None

    @admin.display(description="Merchant", empty_value="in the message")
    def merchant(self, row: WaitingCommand) -> object:
        return link(list_of(Account, q=str(row.merchant_id)), row.merchant_id) if row.merchant_id else None

    @admin.display(description="Message")
    def whole(self, row: WaitingCommand) -> object:
        return pretty_message(row.message)

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """Of the merchant, whether its account is open yet or not; or with that reference or correlation id."""
        account = self.one_account(request, term)
        merchant = account.merchant_id if account else term.uuid
        of_merchant = Q(merchant_id=merchant) if merchant else Q(pk__in=[])
        return Scope(Q(correlation_id=term.text) | of_merchant | term.is_asked_for())
