"""The account's figures: as they are now, and as they were at any instant before."""

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import BaseModel

from api.envelope import answer
from api.parameters import Instant
from api.refusals import invalid
from api.schemas import BalanceAnswer, CreditsAnswer
from api.shop import account_of, answering, shop_router
from ledger.queries.lots import expiring_next
from ledger.queries.moments import standings_before

router = shop_router()


class At(BaseModel):
    """Which instant is asked for."""

    at: Instant


@router.get(
    "/credits",
    operation_id="read_credits",
    summary="The shop's balance and totals",
    **answering(CreditsAnswer, checked=False),
)
def read_credits(request: HttpRequest) -> HttpResponse:
    """What the account holds now and what of it is available, and what was granted, consumed and has expired in all."""
    account = account_of(request)
    expiring = expiring_next(account)
    return answer(
        request,
        {
            "balance": account.balance,
            "available": account.available,
            "held": account.held,
            "expiring_next": expiring and {"credits": expiring.credits, "expires_at": expiring.expires_at},
            "total_granted": account.total_granted,
            "total_consumed": account.total_consumed,
            "total_expired": account.total_expired,
            "platform_name": account.platform_name,
            "shop_domain": account.shop_domain,
        },
    )


@router.get(
    "/credits/balance",
    operation_id="read_balance_at",
    summary="The balance and totals at an instant",
    **answering(BalanceAnswer),
)
def read_balance_at(request: HttpRequest, query: Query[At]) -> HttpResponse:
    """How the account stood at that instant, what happened at it counted in; all 0 where it had not begun yet.

    Exact for every instant that is over; one that is still to come is refused.
    """
    if query.at > datetime.now(UTC):
        raise invalid("at", "must not lie in the future", "instant")
    (stood,) = standings_before(account_of(request), [query.at + timedelta(microseconds=1)])
    return answer(
        request,
        {
            "at": query.at,
            "balance": stood.balance,
            "total_granted": stood.total_granted,
            "total_consumed": stood.total_consumed,
            "total_expired": stood.total_expired,
            "transactions": stood.sequence,
        },
    )
