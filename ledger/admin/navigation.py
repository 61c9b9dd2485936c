"""The sidebar: the pages that a member of staff may open."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from ledger.admin.display import list_of
from ledger.admin.tables import may_view
from ledger.models import (
    Account,
    Adjustment,
    Hold,
    Lot,
    OutboxRow,
    ParkedMessage,
    ShopDifference,
    Transaction,
    WaitingCommand,
)

_BOOKS: tuple[tuple[type[Model], str, str], ...] = (
    (Account, "Accounts", "storefront"),
    (Transaction, "Transactions", "receipt_long"),
    (Lot, "Lots", "inventory_2"),
    (Hold, "Holds", "lock_clock"),
    (Adjustment, "Adjustments", "approval"),
    (ShopDifference, "Shop differences", "difference"),
)
_MESSAGES: tuple[tuple[type[Model], str, str], ...] = (
    (ParkedMessage, "Parked", "local_parking"),
    (WaitingCommand, "Waiting", "hourglass_top"),
    (OutboxRow, "Outbox", "outbox"),
)
_STAFF: tuple[tuple[type[Model], str, str], ...] = ((User, "Staff", "person"), (Group, "Roles", "group"))


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups and links, in the theme's form."""
    overview = {"title": "Overview", "icon": "home", "link": reverse("admin:index")}
    story = {"title": "Story", "icon": "timeline", "link": reverse("story_search")}
    groups = (
        ("", [overview]),
        ("Books", _links(request, _BOOKS)),
        ("Messages", [*_links(request, _MESSAGES), story]),
        ("Access", _links(request, _STAFF)),
    )
    return [{"title": title, "separator": bool(title), "items": items} for title, items in groups if items]


def _links(request: HttpRequest, pages: tuple[tuple[type[Model], str, str], ...]) -> list[dict[str, Any]]:
    return [
        {"title": title, "icon": icon, "link": list_of(model)}
        for model, title, icon in pages
        if may_view(request, model)
    ]
