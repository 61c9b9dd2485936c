"""The filters of the list of parked messages; an index answers each."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from ledger.admin.filters import ChoiceFilter, each_of
from ledger.commands import COMMANDS, ConsumeMany
from ledger.models import ParkedMessage
from ledger.outcomes import ParkReason
from ledger.plain_events import EVENTS

SEEN = ("last_seen_at", "id")  # how each index goes on behind what it filters by


class StateFilter(ChoiceFilter):
    """Those that somebody must still look at, or those that were settled."""

    title = "state"
    parameter_name = "state"
    conditions = each_of("state", ParkedMessage.State.values)
    indexed_by: ClassVar = dict.fromkeys(ParkedMessage.State.values, SEEN)


class ReasonFilter(ChoiceFilter):
    """Those parked for one reason."""

    title = "reason"
    parameter_name = "reason"
    conditions = each_of("reason", [str(reason) for reason in ParkReason])
    indexed_by: ClassVar = dict.fromkeys(conditions, SEEN)


class NameFilter(ChoiceFilter):
    """Those of one task or plain event of the contract; what has another name is found by searching for that."""

    title = "task or event"
    parameter_name = "name"
    conditions: ClassVar = {name: (name, Q(name=name)) for name in (*COMMANDS, ConsumeMany.task, *EVENTS)}
    indexed_by: ClassVar = dict.fromkeys(conditions, SEEN)


class SeenFilter(ChoiceFilter):
    """Those last seen within a time up to now."""

    title = "last seen"
    parameter_name = "seen"
    spans: ClassVar = {
        "hour": ("within an hour", timedelta(hours=1)),
        "day": ("within a day", timedelta(days=1)),
        "week": ("within a week", timedelta(weeks=1)),
        "month": ("within 30 days", timedelta(days=30)),
    }
    conditions: ClassVar = {value: (text, Q()) for value, (text, _) in spans.items()}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().queryset(request, queryset)
        value = self.value()
        return rows if value is None else rows.filter(last_seen_at__gte=datetime.now(UTC) - self.spans[value][1])
