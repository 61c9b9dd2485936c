"""Reads for other services: what merchants have, and what became of a reference."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router
from pydantic import BaseModel, ConfigDict, Field

from api.documents import refusals, service_headers
from api.envelope import answer
from api.internal_schemas import AvailabilitiesAnswer, AvailabilityAnswer, ReferenceAnswer
from api.parameters import Digits
from api.refusals import Code, Refusal
from api.services import ServiceToken
from ledger.fields import MAX_AMOUNT, AnyReferenceType, MerchantId, Text
from ledger.queries.balance import AccountBalance, account_of_merchant, accounts_of_merchants
from ledger.queries.references import what_became_of

MAX_MERCHANTS = 500
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT, description="How many credits must be available.")]

router = Router(auth=ServiceToken(), tags=["Internal"])


def _answering(shape: type[BaseModel], *statuses: int) -> dict[str, Any]:
    refused = (401, 403, 422, 500, 503, *statuses)
    return {"response": {200: shape, **refusals(*refused)}, "openapi_extra": service_headers(200, *refused)}


class Wanted(BaseModel):
    """How many credits the service wants to know to be available."""

    amount: Annotated[Amount, Digits] | None = None


class Merchants(BaseModel):
    """Which merchants are asked for; each gets its answer, in this order."""

    model_config = ConfigDict(strict=True, extra="forbid")

    merchant_ids: Annotated[list[MerchantId], Field(min_length=1, max_length=MAX_MERCHANTS)]
    amount: Amount | None = None


class Referred(BaseModel):
    """Which reference is asked for."""

    reference_type: AnyReferenceType
    reference_id: Text


@router.get(
    "/credits/{merchant_id}",
    operation_id="read_availability",
    summary="What a merchant has, and whether an amount is available",
    **_answering(AvailabilityAnswer, 404),
)
def read_availability(request: HttpRequest, merchant_id: Path[MerchantId], wanted: Query[Wanted]) -> HttpResponse:
    """The merchant's balance as it is now; sufficient says whether so many credits can be consumed or held."""
    account = account_of_merchant(merchant_id)
    if account is None:
        raise Refusal(Code.CREDIT_ACCOUNT_NOT_FOUND)
    return answer(request, _availability(account, wanted.amount))


@router.post(
    "/credits",
    operation_id="read_availabilities",
    summary=f"What up to {MAX_MERCHANTS} merchants have",
    **_answering(AvailabilitiesAnswer),
)
def read_availabilities(request: HttpRequest, merchants: Merchants) -> HttpResponse:
    """An answer for each merchant, in the order in which they were asked for; account is null where there is none."""
    accounts = accounts_of_merchants(set(merchants.merchant_ids))
    return answer(request, [_of(merchant, accounts, merchants.amount) for merchant in merchants.merchant_ids])


@router.get(
    "/references",
    operation_id="read_reference",
    summary="What became of a reference",
    **_answering(ReferenceAnswer),
)
def read_reference(request: HttpRequest, referred: Query[Referred]) -> HttpResponse:
    """The transaction that holds it, posted, recorded or declined; and the messages that wait or are parked for it."""
    return answer(request, what_became_of(referred.reference_type, referred.reference_id))


def _of(merchant_id: UUID, accounts: dict[UUID, AccountBalance], amount: int | None) -> dict[str, Any]:
    account = accounts.get(merchant_id)
    return {"merchant_id": merchant_id, "account": account and _availability(account, amount)}


def _availability(account: AccountBalance, amount: int | None) -> dict[str, Any]:
    return {
        "merchant_id": account.merchant_id,
        "platform_name": account.platform_name,
        "shop_domain": account.shop_domain,
        "balance": account.balance,
        "available": account.available,
        "held": account.held,
        "total_granted": account.total_granted,
        "total_consumed": account.total_consumed,
        "total_expired": account.total_expired,
        "frozen": bool(account.frozen),  # SQLite has 0 and 1
        "sufficient": None if amount is None else account.available >= amount and not account.frozen,
    }
