"""What all of the shop's reads share: who may ask, the account that is read, and the refusals."""

from typing import Any, cast

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel

from api.auth import ShopToken
from api.documents import headers, refusals
from ledger.queries.balance import AccountBalance

REFUSED = (400, 401, 403, 404, 500, 503)


def shop_router() -> Router:
    """A router whose operations take the shop's token."""
    return Router(auth=ShopToken(), tags=["Credits"])


def account_of(request: HttpRequest) -> AccountBalance:
    """The account that the token opened."""
    return cast(AccountBalance, request.auth)  # type: ignore[attr-defined]


def answering(shape: type[BaseModel], *, checked: bool = True) -> dict[str, Any]:
    """An operation's answers: that shape, or the refusals; checked says whether it has parameters to refuse."""
    statuses = (*REFUSED, 422) if checked else REFUSED
    return {"response": {200: shape, **refusals(*statuses)}, "openapi_extra": headers(200, *statuses)}
