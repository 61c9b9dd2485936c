"""The first page: what is still to be done, at a glance."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from ledger.admin.chart import pace_chart
from ledger.admin.display import list_of
from ledger.admin.tables import may_view
from ledger.models import Account, Adjustment, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from ledger.queries.backlog import COUNTED_UP_TO, backlog
from ledger.queries.pace import posted_per_minute


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the backlog's figures to the first page's context: those whose rows the member of staff may see."""
    left = backlog()
    parked = left.parked[ParkedMessage.State.PARKED]
    frozen = Account.objects.filter(frozen=True)[:COUNTED_UP_TO].count()
    asked = Adjustment.objects.filter(state=Adjustment.State.ASKED)[:COUNTED_UP_TO].count()
    figures: tuple[tuple[type[Model], str, int, str, dict[str, str]], ...] = (
        (ParkedMessage, "Parked messages", parked, "A person must look at these.", {"state": "parked"}),
        (
            Adjustment,
            "Adjustments asked for",
            asked,
            "A second person must decide.",
            {"state": "asked"},
        ),
        (WaitingCommand, "Waiting commands", left.waiting, "For their account, or for their time.", {}),
        (
            OutboxRow,
            "Still to be told",
            left.unpublished.count,
            f"The oldest for {left.unpublished.oldest_seconds:,.0f} s." if left.unpublished.count else "All is told.",
            {"state": "unpublished"},
        ),
        (Account, "Frozen accounts", frozen, "Consumptions and holds are declined there.", {"frozen": "yes"}),
    )
    context["figures"] = [
        {"title": title, "count": _capped(count), "note": note, "address": list_of(model, **filters)}
        for model, title, count, note, filters in figures
        if may_view(request, model)
    ]
    if may_view(request, Transaction):
        context["chart"] = pace_chart(posted_per_minute(timezone.now()))
    return context


def _capped(count: int) -> str:
    return f"{count:,}" if count < COUNTED_UP_TO else f"{COUNTED_UP_TO:,} or more"
