"""Usage: what was granted, consumed and expired hour by hour, day by day or month by month, in any time zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from api.envelope import answer
from api.parameters import InstantOrDay, Period
from api.refusals import invalid
from api.schemas import UsageAnswer
from api.shop import account_of, answering, shop_router
from ledger.queries.usage import usage

MAX_BUCKETS = 1000

router = shop_router()


class Asked(Period):
    """Which period, cut into which buckets; it ends now unless to says otherwise."""

    from_: Annotated[InstantOrDay, Field(alias="from")]
    bucket: Literal["hour", "day", "month"] = "day"


@router.get(
    "/credits/usage",
    operation_id="read_usage",
    summary="What was granted, consumed and expired per hour, day or month",
    **answering(UsageAnswer),
)
def read_usage(request: HttpRequest, asked: Query[Asked]) -> HttpResponse:
    """The period cut at the full hours, midnights or firsts of the month of its time zone, whatever its clocks do.

    The first and the last bucket are as long as the period leaves them. Reversals are taken off.
    """
    buckets = usage(account_of(request), _boundaries(asked))
    return answer(request, {"bucket": asked.bucket, "tz": asked.tz, "buckets": buckets})


def _boundaries(asked: Asked) -> list[datetime]:
    """The period's beginning, where it is cut, and its end. Raises Refusal."""
    begin, end = asked.begin, asked.end or datetime.now(UTC)
    if begin is None or end <= begin:
        raise invalid("to", "must be later than from", "period")
    following = _FOLLOWING[asked.bucket]
    boundaries = [begin]
    while (cut := following(boundaries[-1], asked.zone)) < end:
        if len(boundaries) == MAX_BUCKETS:
            raise invalid("bucket", f"would make more than {MAX_BUCKETS} buckets of this period", "too_many_buckets")
        boundaries.append(cut)
    return [*boundaries, end]


# Each gives the first cut after an instant, in UTC.


def _next_hour(instant: datetime, zone: ZoneInfo) -> datetime:
    local = instant.astimezone(zone)
    past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return instant + timedelta(hours=1) - past


def _next_day(instant: datetime, zone: ZoneInfo) -> datetime:
    return _midnight_after(instant, zone, lambda day: day + timedelta(days=1))


def _next_month(instant: datetime, zone: ZoneInfo) -> datetime:
    return _midnight_after(instant, zone, lambda day: (day.replace(day=1) + timedelta(days=31)).replace(day=1))


def _midnight_after(instant: datetime, zone: ZoneInfo, following: Callable[[date], date]) -> datetime:
    """The beginning of the day that follows; one that a zone left out, as Samoa did its 30 December 2011, is none."""
    day = instant.astimezone(zone).date()
    while True:
        day = following(day)
        begins_at = datetime.combine(day, time(), zone).astimezone(UTC)
        if begins_at > instant:
            return begins_at


_FOLLOWING: dict[str, Callable[[datetime, ZoneInfo], datetime]] = {
    "hour": _next_hour,
    "day": _next_day,
    "month": _next_month,
}
