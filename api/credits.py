"""The two reads of the contract: an account's credits, and its transactions."""

from typing import Annotated, Any, cast

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.auth import ShopToken
from api.documents import headers, refusals
from api.envelope import answer
from api.pages import CURSOR_PATTERN, MAX_LIMIT, MAX_PAGE, Page, numbered_page, page_from, read_cursor
from api.schemas import CreditsAnswer, TransactionsAnswer
from ledger.queries.balance import AccountBalance
from ledger.queries.history import posted_between


def _digits(value: Any) -> Any:
    """Decimal digits and nothing else; pydantic alone would also read "+1", "1_0" and "1.0" as integers."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("int_parsing", "Input should be a whole number in decimal digits")
    return value


Digits = BeforeValidator(_digits)


class Paging(BaseModel):
    """Which page of the history is asked for."""

    page: Annotated[
        int,
        Field(ge=1, le=MAX_PAGE, description="Counted from the newest; not looked at where there is a cursor."),
        Digits,
    ] = 1
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Transactions to a page."), Digits] = 50
    cursor: Annotated[
        Annotated[str, Field(pattern=CURSOR_PATTERN)] | None,
        Field(description="Out of links.next or links.previous of an earlier answer."),
        WithJsonSchema({"type": "string", "pattern": CURSOR_PATTERN}),
    ] = None

    def of(self, account: AccountBalance) -> Page:
        """The page of this account's history."""
        if self.cursor is None:
            return numbered_page(self.page, limit=self.limit, total=account.sequence)
        return page_from(read_cursor(self.cursor), limit=self.limit, total=account.sequence)


REFUSED = (400, 401, 403, 404, 500, 503)

router = Router(auth=ShopToken(), tags=["Credits"])


@router.get(
    "/credits",
    operation_id="read_credits",
    summary="The shop's balance and totals",
    response={200: CreditsAnswer, **refusals(*REFUSED)},
    openapi_extra=headers(200, *REFUSED),
)
def read_credits(request: HttpRequest) -> HttpResponse:
    """What the account holds now and what of it is available, and what was granted, consumed and has expired in all."""
    account = _account(request)
    return answer(
        request,
        {
            "balance": account.balance,
            "available": account.available,
            "held": account.held,
            "total_granted": account.total_granted,
            "total_consumed": account.total_consumed,
            "total_expired": account.total_expired,
            "platform_name": account.platform_name,
            "shop_domain": account.shop_domain,
        },
    )


@router.get(
    "/credits/transactions",
    operation_id="list_transactions",
    summary="The account's posted transactions, newest first",
    response={200: TransactionsAnswer, **refusals(*REFUSED, 422)},
    openapi_extra=headers(200, *REFUSED, 422),
)
def list_transactions(request: HttpRequest, paging: Query[Paging]) -> HttpResponse:
    """A page of the account's history. Its links go on steadily while new transactions arrive."""
    account = _account(request)
    page = paging.of(account)
    rows = []
    if not page.is_empty:
        rows = posted_between(account.id, above=page.above, up_to=min(page.up_to, account.sequence))
    return answer(request, rows, pagination=page.pagination(), links=page.links(request.path))


def _account(request: HttpRequest) -> AccountBalance:
    """The account that the token opened."""
    return cast(AccountBalance, request.auth)  # type: ignore[attr-defined]
