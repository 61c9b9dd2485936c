"""The parameters that several reads share: whole numbers, instants, periods, and where a walk goes on."""

import re
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.pages import CURSOR_PATTERN, MAX_LIMIT
from ledger.queries.balance import AccountBalance
from ledger.queries.moments import sequences_before

# Years in which every zone's local time is a time that Python and the databases can hold.
FIRST_YEAR, LAST_YEAR = 1970, 9998
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}(:[0-9]{2}){2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _digits(value: Any) -> Any:
    """Decimal digits and nothing else; pydantic alone would also read "+1", "1_0" and "1.0" as integers."""
    if isinstance(value, str) and not (value.isascii() and value.isdecimal()):
        raise PydanticCustomError("int_parsing", "Input should be a whole number in decimal digits")
    return value


def _instant(value: Any) -> datetime:
    """An RFC 3339 time in UTC. A space stands for the plus sign that a query's author forgot to encode."""
    text = value.replace(" ", "+") if isinstance(value, str) else ""
    if not _INSTANT.fullmatch(text):
        raise PydanticCustomError("instant", "must be a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z")
    try:
        instant = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise PydanticCustomError("instant", "must be a time that the calendar has") from error
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise PydanticCustomError("instant", f"must lie within the years {FIRST_YEAR} to {LAST_YEAR}")
    return instant.astimezone(UTC)


def _instant_or_day(value: Any) -> datetime | date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        return _instant(value)
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("day", "must be a day that the calendar has") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise PydanticCustomError("day", f"must lie within the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("time_zone", "must be a time zone of the IANA database, such as Europe/Paris")
    return name


Digits = BeforeValidator(_digits)
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Rows to a page."), Digits]
Cursor = Annotated[
    Annotated[str, Field(pattern=CURSOR_PATTERN)] | None,
    Field(description="Out of links.next or links.previous of an earlier answer."),
    WithJsonSchema({"type": "string", "pattern": CURSOR_PATTERN}),
]
_INSTANT_SHAPE = {"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]}
Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SHAPE)]
InstantOrDay = Annotated[
    datetime | date,
    BeforeValidator(_instant_or_day),
    WithJsonSchema({"anyOf": [_INSTANT_SHAPE, {"type": "string", "format": "date", "examples": ["2026-01-31"]}]}),
]
Zone = Annotated[str, AfterValidator(_zone), Field(description="A time zone of the IANA database.")]


class Period(BaseModel):
    """From an instant, counted in, to another, not counted in. A day stands for the midnight with which it begins."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[InstantOrDay | None, Field(alias="from")] = None
    to: InstantOrDay | None = None
    tz: Zone = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    @property
    def begin(self) -> datetime | None:
        """Its first instant, in UTC; None where it has no beginning."""
        return self._resolved(self.from_)

    @property
    def end(self) -> datetime | None:
        """The instant before which it ends, in UTC; None where it has no end."""
        return self._resolved(self.to)

    def bounds_in(self, account: AccountBalance) -> tuple[int, int]:
        """The sequences between which its transactions lie: the first not counted in, the second counted in."""
        begin, end = self.begin, self.end
        found = iter(sequences_before(account, [bound for bound in (begin, end) if bound is not None]))
        above = 0 if begin is None else next(found)
        return above, account.sequence if end is None else max(above, next(found))

    def _resolved(self, bound: datetime | date | None) -> datetime | None:
        if bound is None or isinstance(bound, datetime):
            return bound
        return datetime.combine(bound, time(), self.zone).astimezone(UTC)
