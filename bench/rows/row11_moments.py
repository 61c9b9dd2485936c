"""Row 11: the balance at an instant, and a year's usage day by day, of an account with a million transactions.

As by a page that is shown again and again: each time the instant and the year lie a second earlier. What a year costs
whose days nobody has asked this process for, in one zone after the other, is printed beside it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count, repeat
from urllib.parse import urlencode

from bench import merchants
from bench.reading import Reader, reading, shop
from bench.results import say
from bench.row import Pair, Row, Wrong
from bench.stand import Stand

TRANSACTIONS = 1_000_000
ROUNDS = 400
TRANSACTION = "/api/credits/transactions/{}"
YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)
ZONES = [f"Etc/GMT{hours:+}" for hours in range(-11, 12) if hours]  # whose days begin at moments of their own each


def turn(stand: Stand, scale: float) -> Pair:
    """The slower of both against one transaction by its primary key."""
    rows = round(TRANSACTIONS * scale)
    template = stand.template_with_history(rows, accounts=1)
    with stand.database(template=template, read_only=True) as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        with reading(stand, environment, shop(0)) as reader:
            (newest,) = reader.json_of("/api/credits/transactions?limit=1")["data"]
            end, by_key = datetime.fromisoformat(newest["created_at"]), TRANSACTION.format(newest["id"])
            check(reader, rows=rows, end=end)
            again = [map(half_way, ends(end)), map(year, ends(end)), repeat(by_key)]
            at_instant, of_year, of_key = reader.microseconds(again, rounds=ROUNDS)
            new_days = (year(end, zone) for zone in ZONES)
            (of_new_days,) = reader.microseconds([new_days], rounds=len(ZONES), warm_up=0)
    say(
        f"   balance at an instant {at_instant:,.0f} µs, usage by day over a year {of_year:,.0f} µs "
        f"({of_new_days:,.0f} µs of days that are new to the process), by key {of_key:,.0f} µs"
    )
    return Pair(max(at_instant, of_year), of_key)


def ends(end: datetime) -> Iterator[datetime]:
    """That moment, then one second earlier each time."""
    return (end - number * SECOND for number in count())


def half_way(end: datetime) -> str:
    """What asks for the balance half a year before."""
    return f"/api/credits/balance?{urlencode({'at': (end - YEAR / 2).isoformat()})}"


def year(end: datetime, zone: str = "UTC") -> str:
    """What asks for the usage of the year before, by the days of a zone."""
    period = {"from": (end - YEAR).isoformat(), "to": end.isoformat(), "bucket": "day", "tz": zone}
    return f"/api/credits/usage?{urlencode(period)}"


def check(reader: Reader, *, rows: int, end: datetime) -> None:
    """Raise Wrong unless the year's days add up to what was consumed, and the instant lies amid it."""
    consumed = sum(bucket["consumed"] for bucket in reader.json_of(year(end))["data"]["buckets"])
    stood = reader.json_of(half_way(end))["data"]
    if not 0.9 * rows < consumed <= rows or not 0.4 * rows < stood["total_consumed"] < 0.6 * rows:
        raise Wrong(f"{rows} consumed: {consumed} in the year, {stood} half way")
    if stood["balance"] != 3 * merchants.CREDITS - stood["total_consumed"]:
        raise Wrong(f"half way it stood {stood}")


row = Row(
    number="11",
    what="the slower of the balance at an instant and a year's usage by day, each time a second earlier, account with "
    "1,000,000 transactions",
    against="one transaction of it by its primary key, same API",
    unit="µs",
    turn=turn,
    at_most=2,
)
