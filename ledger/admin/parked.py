"""Parked messages: what can't be carried out as it is, and the only two things that staff may do here about it."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from ledger.admin.columns import label_of, moment_of, number_of, story
from ledger.admin.display import Table, cells, link, list_of, pretty_text, row_link
from ledger.admin.filters import ChoiceFilter, each_of
from ledger.admin.inspection import InspectAdmin
from ledger.admin.search import Term
from ledger.admin.tables import visible
from ledger.admin.window import Scope
from ledger.models import Account, ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from ledger.parking import AT_ONCE, MEANINGS, dismiss, replay
from ledger.queries.conflict import Line, side_by_side

STATE_COLOURS = {"parked": "warning", "replayed": "success", "dismissed": "info"}


class StateFilter(ChoiceFilter):
    """Those that somebody must still look at, or those that were settled."""

    title = "state"
    parameter_name = "state"
    conditions = each_of("state", ParkedMessage.State.values)
    indexed_by: ClassVar = dict.fromkeys(ParkedMessage.State.values, ("last_seen_at", "id"))


class ReasonFilter(ChoiceFilter):
    """Those parked for one reason."""

    title = "reason"
    parameter_name = "reason"
    conditions = each_of("reason", [str(reason) for reason in ParkReason])


@admin.register(ParkedMessage)
class ParkedAdmin(InspectAdmin):
    """Parked messages, the last seen first. Whoever may change them may replay or dismiss them; nobody edits one."""

    newest_by = ("last_seen_at", "id")
    joined = ("conflicts_with",)
    actions = ("replay", "dismiss")
    list_display = (
        moment_of("last_seen_at", "Last seen"),
        label_of("state", "State", STATE_COLOURS),
        "reason",
        "field",
        "name",
        "queue",
        number_of("count", "Count"),
        story,
    )
    list_filter = (StateFilter, ReasonFilter)
    search_help_text = "Merchant, domain, correlation id or number"
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
            "Message",
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

    def scope_of(self, request: HttpRequest, term: Term) -> Scope:
        """Of the merchant, with the correlation id, or the one of that number."""
        account = self.one_account(request, term)
        merchant = account.merchant_id if account else term.uuid
        of_merchant = Q(merchant_id=merchant) if merchant else Q(pk__in=[])
        numbered = Q(pk=int(term.text)) if term.text.isascii() and term.text.isdecimal() else Q(pk__in=[])
        return Scope(Q(correlation_id=term.text) | of_merchant | numbered, by=self.newest_by)

    def tables(self, request: HttpRequest, row: ParkedMessage) -> Sequence[Table]:
        if row.conflicts_with is None:
            return ()
        return visible(request, ((Transaction, lambda: _conflict(row)),))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if self.has_settle_permission(request) and obj.state == ParkedMessage.State.PARKED:
            context["settle_address"] = list_of(ParkedMessage, q=str(obj.pk))
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Whether this member of staff may replay and dismiss."""
        return request.user.has_perm("ledger.change_parkedmessage")

    @admin.action(description="Replay: send again to its queue", permissions=("settle",))
    def replay(self, request: HttpRequest, queryset: QuerySet[ParkedMessage]) -> None:
        self._settle(request, queryset, settle=replay, done="sent again")

    @admin.action(description="Dismiss: nothing more is to be done", permissions=("settle",))
    def dismiss(self, request: HttpRequest, queryset: QuerySet[ParkedMessage]) -> None:
        self._settle(request, queryset, settle=dismiss, done="dismissed")

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
        if len(settled) < len(ids):
            left = f"{len(ids) - len(settled)} left as they are: not parked any more, or from no queue."
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
