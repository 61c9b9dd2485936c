"""Parked messages: what can't be carried out as it is, and what staff may do here about it."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from ledger.admin.columns import label_of, moment_of, number_of, story
from ledger.admin.correcting import CORRECT_PAGE, correct_page
from ledger.admin.display import Table, cells, link, list_of, pretty_text, row_link
from ledger.admin.handling import acts_table, outcomes_table
from ledger.admin.inspection import InspectAdmin
from ledger.admin.parked_filters import SEEN, NameFilter, ReasonFilter, SeenFilter, StateFilter
from ledger.admin.search import Term
from ledger.admin.tables import visible
from ledger.admin.window import Scope
from ledger.errors import Refused
from ledger.models import Account, ParkedMessage, Transaction
from ledger.parking import AT_ONCE, MEANINGS, SECOND_PERSON, checked_reason, dismiss, left_for_another, replay
from ledger.queries.conflict import Line, side_by_side
from ledger.queries.parked import acts_of, became, last_replay, with_last_replay

STATE_COLOURS = {"parked": "warning", "replayed": "success", "dismissed": "info"}


class SettleForm(ActionForm):
    """Which action, and why; a dismissal must say it."""

    reason = forms.CharField(
        required=False,
        label="",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Reason, to dismiss", "aria-label": "Reason"}),
    )


@admin.register(ParkedMessage)
class ParkedAdmin(InspectAdmin):
    """Parked messages, the last seen first. Whoever may change them may correct, replay or dismiss them.

    Nobody edits one: a correction stands beside it.
    """

    newest_by = SEEN
    joined = ("conflicts_with",)
    actions = ("replay", "dismiss")
    action_form = SettleForm
    list_display = (
        moment_of("last_seen_at", "Last seen"),
        "id",  # as the command line takes it
        label_of("state", "State", STATE_COLOURS),
        "reason",
        "field",
        "name",
        number_of("count", "Count"),
        "became",
        story,
    )
    list_filter = (ReasonFilter, NameFilter, StateFilter, SeenFilter)  # the window counts the first one that is chosen
    search_help_text = "In full: merchant, domain, reference (type/id), correlation id, number, queue, task or event"
    change_form_outer_before_template = "admin/ledger/settle.html"
    change_form_outer_after_template = None  # its tables stand above, with what may be done
    fieldsets = (
        (
            "Why it is here",
            {
                "fields": (
                    label_of("state", "State", STATE_COLOURS),
                    "meaning",
                    "field",
                    "detail",
                    number_of("count", "Times seen"),
                    moment_of("first_seen_at", "First seen"),
                    moment_of("last_seen_at", "Last seen"),
                    moment_of("resolved_at", "Last settled"),
                    "resolved_by",
                )
            },
        ),
        (
            "Message, as it came",
            {"fields": ("name", "queue", "merchant", story, "headers_json", "properties_json", "body_json")},
        ),
    )

    @admin.display(description="Reason")
    def meaning(self, row: ParkedMessage) -> str:
        meaning = MEANINGS.get(row.reason, "")  # type: ignore[call-overload]  # a StrEnum's member equals its text
        return f"{row.reason}\n{meaning}"

    @admin.display(description="Merchant", empty_value="–")
    def merchant(self, row: ParkedMessage) -> object:
        return link(list_of(Account, q=str(row.merchant_id)), row.merchant_id) if row.merchant_id else None

    @admin.display(description="Headers")
    def headers_json(self, row: ParkedMessage) -> str:
        return pretty_text(row.headers)

    @admin.display(description="Properties")
    def properties_json(self, row: ParkedMessage) -> str:
        return pretty_text(row.properties)

    @admin.display(description="Body")
    def body_json(self, row: ParkedMessage) -> str:
        return pretty_text(row.body)

    @admin.display(description="Became of it", empty_value="–")
    def became(self, row: ParkedMessage) -> str | None:
        replayed = last_replay(row)
        return became(replayed) if replayed else None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """For the list without the messages themselves, which may have megabytes each."""
        rows = super().get_queryset(request)
        is_list = request.resolver_match is not None and "object_id" not in request.resolver_match.kwargs
        return with_last_replay(rows) if is_list else rows

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(correct_page, self))
        return [path("<int:object_id>/correct/", view, name=CORRECT_PAGE), *super().get_urls()]

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """By queue, name, merchant, reference or correlation id, or the one of that number."""
        account = self.one_account(request, term)
        merchant = account.merchant_id if account else term.uuid
        of_merchant = Q(merchant_id=merchant) if merchant else Q(pk__in=[])
        numbered = Q(pk=int(term.text)) if term.text.isascii() and term.text.isdecimal() else Q(pk__in=[])
        named = Q(queue=term.text) | Q(name=term.text) | Q(correlation_id=term.text)
        return Scope(named | of_merchant | numbered | term.is_asked_for(), by=self.newest_by)

    def tables(self, request: HttpRequest, row: ParkedMessage) -> Sequence[Table]:
        acts = acts_of(row)
        told: list[tuple[type[Model], Callable[[], Table]]] = []
        if acts:
            told.append((ParkedMessage, lambda: acts_table(acts)))
        if any(act.outcomes.all() for act in acts):
            told.append((ParkedMessage, lambda: outcomes_table(acts)))
        if row.conflicts_with is not None:
            told.append((Transaction, lambda: _conflict(row)))
        return visible(request, told)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if self.has_settle_permission(request) and obj.state == ParkedMessage.State.PARKED:
            context["settle_address"] = list_of(ParkedMessage, q=str(obj.pk))
            context["correct_address"] = reverse(f"admin:{CORRECT_PAGE}", args=[obj.pk]) if obj.queue else ""
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Whether this member of staff may correct, replay and dismiss."""
        return request.user.has_perm("ledger.change_parkedmessage")

    @admin.action(description="Replay: send again to its queue", permissions=("settle",))
    def replay(self, request: HttpRequest, queryset: QuerySet[ParkedMessage]) -> None:
        self._settle(request, queryset, settle=replay, done="sent again")

    @admin.action(description="Dismiss: nothing more is to be done", permissions=("settle",))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[ParkedMessage]) -> None:
        reason = request.POST.get("reason", "")
        try:
            checked_reason(reason)
        except Refused as refused:
            self.message_user(request, f"Nothing was dismissed. {refused}", messages.ERROR)
            return
        self._settle(request, queryset, settle=partial(dismiss, reason=reason), done="dismissed")

    def _settle(
        self, request: HttpRequest, chosen: QuerySet[ParkedMessage], *, settle: Callable[..., list[int]], done: str
    ) -> None:
        ids: Collection[int] = chosen.values_list("pk", flat=True)[:AT_ONCE]
        settled = settle(list(ids), by=request.user.get_username(), at=datetime.now(UTC))
        LogEntry.objects.log_actions(
            user_id=request.user.pk or 0,  # staff have signed in
            queryset=ParkedMessage.objects.filter(pk__in=settled),
            action_flag=CHANGE,
            change_message=f"{done.capitalize()}.",
        )
        self.message_user(request, f"{len(settled)} {done}.", messages.SUCCESS if settled else messages.WARNING)
        waiting = left_for_another(set(ids) - set(settled), by=request.user.get_username())
        if waiting:
            self.message_user(request, f"{len(waiting)} left as they are: {SECOND_PERSON}.", messages.WARNING)
        if len(settled) + len(waiting) < len(ids):
            left = f"{len(ids) - len(settled) - len(waiting)} left as they are: not parked any more, or from no queue."
            self.message_user(request, left, messages.WARNING)


def _conflict(row: ParkedMessage) -> Table:
    lines = ((line.label, line.held, line.refused, _agreement(line)) for line in side_by_side(row))
    return Table(
        "Both requests",
        ("Field", "Holds the reference", "Refused: this message", "Compared"),
        [["Transaction", row_link(row.conflicts_with), "none", "no"], *cells(lines)],
        note="A repeat must agree in merchant, operation and amount, or it is not a repeat.",
    )


def _agreement(line: Line) -> str:
    if not line.compared:
        return "no"
    return "differs" if line.differs else "agrees"
