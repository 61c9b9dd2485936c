"""The account's transactions: pages of its history, what of it passes a filter, and one by its id."""

from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query
from pydantic import Field

from api.envelope import answer
from api.pages import MAX_PAGE, Page, numbered_page, page_from, read_cursor, written_cursor
from api.parameters import Cursor, Digits, Limit, Period
from api.refusals import Code, Refusal, invalid
from api.schemas import Kind, TransactionAnswer, TransactionsAnswer
from api.shop import account_of, answering, shop_router
from api.walks import Walk
from ledger.queries.balance import AccountBalance
from ledger.queries.history import posted_between, posted_like
from ledger.queries.transaction import transaction_of

COLUMNS = ("operation", "kind", "reference_type")

router = shop_router()


class Listing(Period):
    """Which transactions are asked for, and which page of them."""

    page: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description="Counted from the newest; not looked at where there is a cursor."),
        Digits,
    ] = 1
    limit: Limit = 50
    cursor: Cursor = None
    operation: Literal["credit", "debit"] | None = None
    kind: Kind | None = None
    reference_type: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] | None = None

    @property
    def equal(self) -> dict[str, str]:
        """The columns that must equal what was asked for."""
        return {name: value for name in COLUMNS if (value := getattr(self, name)) is not None}

    @property
    def is_filtered(self) -> bool:
        return bool(self.equal) or self.from_ is not None or self.to is not None

    def of(self, account: AccountBalance) -> Page:
        """The page of this account's whole history."""
        if self.cursor is None:
            return numbered_page(self.page, limit=self.limit, total=account.sequence)
        return page_from(read_cursor(self.cursor), limit=self.limit, total=account.sequence)


@router.get(
    "/credits/transactions",
    operation_id="list_transactions",
    summary="The account's posted transactions, newest first",
    **answering(TransactionsAnswer),
)
def list_transactions(request: HttpRequest, listing: Query[Listing]) -> HttpResponse:
    """A page of the account's history. Its links go on steadily while new transactions arrive.

    With a filter there are no page numbers and total is null: follow links.next while has_next says so. A page may then
    hold fewer rows than limit, or none, where few of many rows pass the filter.
    """
    if listing.is_filtered:
        return _filtered(request, listing)
    account = account_of(request)
    page = listing.of(account)
    rows = []
    if not page.is_empty:
        rows = posted_between(account.id, above=page.above, up_to=min(page.up_to, account.sequence))
    return answer(request, rows, pagination=page.pagination(), links=page.links(request.path))


def _filtered(request: HttpRequest, listing: Listing) -> HttpResponse:
    if listing.page != 1 and listing.cursor is None:
        raise invalid("page", "can't be asked for with a filter: follow links.next", "page_with_filter")
    account = account_of(request)
    above, up_to = listing.bounds_in(account)
    if listing.cursor is not None:
        up_to = min(up_to, read_cursor(listing.cursor))
    found = posted_like(account.id, listing.equal, above=above, up_to=up_to, limit=listing.limit)
    walk = Walk(
        path=request.path,
        query=listing.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"page", "limit", "cursor"}, exclude_none=True
        ),
        cursor=listing.cursor,
        rest=written_cursor(found.rest) if found.rest else None,
        limit=listing.limit,
    )
    return answer(request, found.rows, pagination=walk.pagination(), links=walk.links())


@router.get(
    "/credits/transactions/{transaction_id}",
    operation_id="read_transaction",
    summary="One transaction of the account, whatever became of it",
    **answering(TransactionAnswer),
)
def read_transaction(request: HttpRequest, transaction_id: Path[UUID]) -> HttpResponse:
    """The transaction with that id: declined and recorded ones too, with their lots, target and later reversals."""
    found = transaction_of(account_of(request).id, transaction_id)
    if found is None:
        raise Refusal(Code.TRANSACTION_NOT_FOUND)
    return answer(request, found)
