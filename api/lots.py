"""The account's lots and holds: what its balance is made of, and what of it is set aside."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import BaseModel, Field

from api.envelope import answer
from api.pages import read_cursor, written_cursor
from api.parameters import Cursor, Limit
from api.schemas import HoldsAnswer, LotsAnswer
from api.shop import account_of, answering, shop_router
from api.walks import Walk, cursor_before, id_before
from ledger.queries.holds import open_holds, resolved_holds
from ledger.queries.lots import closed_lots, open_lots

router = shop_router()

Row = dict[str, Any]


class Listing(BaseModel):
    """Which of them are asked for, and which step of the walk through them."""

    status: Annotated[
        Literal["open", "closed"], Field(description="closed: those that are over, the newest first.")
    ] = "open"
    limit: Limit = 50
    cursor: Cursor = None


@router.get(
    "/credits/lots",
    operation_id="list_lots",
    summary="The account's lots: what its balance is made of",
    **answering(LotsAnswer),
)
def list_lots(request: HttpRequest, listing: Query[Listing]) -> HttpResponse:
    """The open lots in the order in which they burn, then those that become effective later; or the closed ones."""
    account = account_of(request)
    if listing.status == "open":
        return _open(request, listing, open_lots(account))
    return _closed(request, listing, lambda before, limit: closed_lots(account, before=before, limit=limit))


@router.get(
    "/credits/holds",
    operation_id="list_holds",
    summary="The account's holds: what of its balance is set aside",
    **answering(HoldsAnswer),
)
def list_holds(request: HttpRequest, listing: Query[Listing]) -> HttpResponse:
    """The open holds, the first to run out first; or those that were captured, released or have run out."""
    account = account_of(request)
    if listing.status == "open":
        return _open(request, listing, open_holds(account))
    return _closed(request, listing, lambda before, limit: resolved_holds(account, before=before, limit=limit))


def _open(request: HttpRequest, listing: Listing, rows: Sequence[Row]) -> HttpResponse:
    """A step through rows that were all read: a post reads them all, too."""
    begin = 0 if listing.cursor is None else read_cursor(listing.cursor)
    end = begin + listing.limit
    rest = written_cursor(end) if end < len(rows) else None
    return _answer(request, listing, rows[begin:end], rest=rest, total=len(rows))


def _closed(request: HttpRequest, listing: Listing, read: Callable[[UUID, int], list[Row]]) -> HttpResponse:
    """A step through rows by their ids, the newest first."""
    rows = read(id_before(listing.cursor), listing.limit + 1)
    shown = rows[: listing.limit]
    rest = cursor_before(shown[-1]["id"]) if len(rows) > len(shown) else None
    return _answer(request, listing, shown, rest=rest, total=None)


def _answer(
    request: HttpRequest, listing: Listing, rows: Sequence[Row], *, rest: str | None, total: int | None
) -> HttpResponse:
    walk = Walk(
        path=request.path,
        query={"status": listing.status},
        cursor=listing.cursor,
        rest=rest,
        limit=listing.limit,
        total=total,
    )
    return answer(request, rows, pagination=walk.pagination(), links=walk.links())
