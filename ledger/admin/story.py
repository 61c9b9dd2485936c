"""One page a correlation id: what happened, from the message to the notice."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path

from ledger.admin.display import page_of
from ledger.admin.search import Term
from ledger.admin.tables import may_view
from ledger.models import (
    Account,
    AccountChange,
    OutboxRow,
    ParkedMessage,
    ShopDifference,
    Transaction,
    WaitingCommand,
)
from ledger.queries.story import ROWS_AT_MOST, Entry, Story, story
from ledger.templatetags.ledger_display import moment

TOLD = (Account, ParkedMessage, WaitingCommand, ShopDifference, AccountChange, Transaction, OutboxRow)


def story_page(request: HttpRequest, correlation_id: str = "") -> HttpResponse:
    """The story of a correlation id, given in the path or as the query's `correlation_id`.

    Shows the rows of those tables that the member of staff may see. Raises PermissionDenied where that is none.
    """
    seen = [model for model in TOLD if may_view(request, model)]
    if not seen:
        raise PermissionDenied
    asked = correlation_id or request.GET.get("correlation_id", "").strip()
    told = story(asked) if asked and Term(asked).is_searchable else Story(asked, [], [])
    context = {
        **admin.site.each_context(request),
        "title": "Story",
        "story": told,
        "entries": [_shown(entry) for entry in told.entries if type(entry.row) in seen],
        "rows_at_most": ROWS_AT_MOST,
        "hidden": [model._meta.verbose_name_plural for model in TOLD if model not in seen],
    }
    return TemplateResponse(request, "admin/ledger/story.html", context)


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "at": moment(entry.at),
        "kind": entry.kind.value,
        "template": f"admin/ledger/story/{entry.kind.value}.html",
        "row": entry.row,
        # A change has no page of its own: its account's shows it.
        "page": page_of(entry.row.account if isinstance(entry.row, AccountChange) else entry.row),
    }


urls = [
    path("admin/story/", admin.site.admin_view(story_page), name="story_search"),
    path("admin/story/<str:correlation_id>/", admin.site.admin_view(story_page), name="story"),
]
