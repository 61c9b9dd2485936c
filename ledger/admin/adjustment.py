"""Adjustments that are too large for one person: asked for, and approved or refused by another."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from ledger.admin.acting import ActingAdmin, Action
from ledger.admin.columns import account, label_of, moment_of
from ledger.admin.display import link, page_of
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.search import Term, accounts_of
from ledger.admin.window import Scope
from ledger.models import Adjustment, Transaction
from ledger.outcomes import Outcome
from ledger.staff import approve, preview, refuse
from ledger.staff.adjustments import instruction_of
from ledger.templatetags.ledger_display import number

DECIDE = "ledger.change_adjustment"
STATES = {"asked": "warning", "approved": "success", "refused": "info"}


def _approve(row: Adjustment, **by: Any) -> Outcome:
    return approve(row.pk, **by)


def _refuse(row: Adjustment, **by: Any) -> Adjustment:
    return refuse(row.pk, **by)


def _is_anothers(row: Adjustment, actor: str) -> bool:
    return row.state == Adjustment.State.ASKED and row.asked_by != actor


def _note(row: Adjustment) -> str:
    """What its approval would come to now."""
    said = f"{row.asked_by} asked for {row.change:+,} credits: {row.reason}."
    if row.state != Adjustment.State.ASKED:
        return f"{said} It was {row.state} by {row.decided_by}."
    seen = preview(instruction_of(row))
    if seen.is_declined:
        return f"{said} Approved now, it would be declined: {seen.outcome.reason}, of {number(seen.before)} credits."
    return f"{said} Approved now, it takes the balance from {number(seen.before)} to {number(seen.after)}."


class StateFilter(ChoiceFilter):
    """Those that somebody must still decide on, or those decided."""

    title = "state"
    parameter_name = "state"
    conditions = each_of("state", Adjustment.State.values)
    indexed_by: ClassVar = dict.fromkeys(Adjustment.State.values, ("asked_at", "id"))


@admin.register(Adjustment)
class AdjustmentAdmin(ActingAdmin):
    """Large adjustments, the newest first. Whoever may change them decides on those that others asked for."""

    joined = ("account",)
    acts = (
        Action(name="approve", title="Approve", permission=DECIDE, note=_note, carry_out=_approve, fits=_is_anothers),
        Action(name="refuse", title="Refuse", permission=DECIDE, note=_note, carry_out=_refuse, fits=_is_anothers),
    )
    list_display = (
        moment_of("asked_at", "Asked"),
        label_of("state", "State", STATES),
        "credits_asked",
        account,
        "asked_by",
        "reason",
        "decided_by",
    )
    list_filter = (StateFilter,)
    search_help_text = "In full: merchant, domain, shop or its own id"
    fieldsets = (
        (
            "Asked for",
            {"fields": ("credits_asked", account, "category", moment_of("expires_at", "Expire at"), "reason")},
        ),
        ("By", {"fields": ("asked_by", moment_of("asked_at", "Asked"))}),
        (
            "Decision",
            {
                "fields": (
                    label_of("state", "State", STATES),
                    "decided_by",
                    moment_of("decided_at", "Decided"),
                    "decision_reason",
                    "transaction",
                    "id",
                )
            },
        ),
    )

    @admin.display(description="Credits")
    def credits_asked(self, row: Adjustment) -> str:
        return f"{row.change:+,}"

    @admin.display(description="Transaction", empty_value="–")
    def transaction(self, row: Adjustment) -> object:
        posted = Transaction.objects.filter(reference_type="adjust", reference_id=str(row.pk)).first()
        return link(page_of(posted), posted) if posted else None

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """Of the accounts that the term names, or the one with that id."""
        own = Q(pk=term.uuid) if term.uuid else Q(pk__in=[])
        return Scope(Q(account_id__in=[account.pk for account in accounts_of(term)]) | own)
