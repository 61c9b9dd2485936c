"""Row 11: the balance at an instant, and a year's usage day by day, of an account with a million transactions."""

from datetime import datetime, timedelta
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


def turn(stand: Stand, scale: float) -> Pair:
    """The slower of both against one transaction by its primary key."""
    count = round(TRANSACTIONS * scale)
    template = stand.template_with_history(count, accounts=1)
    with stand.database(template=template) as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        with reading(stand, environment, shop(0)) as reader:
            paths = paths_to(reader)
            check(reader, count=count, paths=paths)
            times = dict(zip(paths, reader.microseconds(list(paths.values()), rounds=ROUNDS), strict=True))
        stand.run("manage.py", "audit", environment=environment)
    say("   " + ", ".join(f"{name} {time:,.0f} µs" for name, time in times.items()))
    by_key = times.pop("by key")
    return Pair(max(times.values()), by_key)


def paths_to(reader: Reader) -> dict[str, str]:
    """What is asked for."""
    (newest,) = reader.json_of("/api/credits/transactions?limit=1")["data"]
    end = datetime.fromisoformat(newest["created_at"])
    half_way = {"at": (end - YEAR / 2).isoformat()}
    year = {"from": (end - YEAR).isoformat(), "to": end.isoformat(), "bucket": "day"}
    return {
        "balance at an instant": f"/api/credits/balance?{urlencode(half_way)}",
        "usage by day over a year": f"/api/credits/usage?{urlencode(year)}",
        "by key": TRANSACTION.format(newest["id"]),
    }


def check(reader: Reader, *, count: int, paths: dict[str, str]) -> None:
    """Raise Wrong unless the year's days add up to what was consumed, and the instant lies amid it."""
    consumed = sum(
        bucket["consumed"] for bucket in reader.json_of(paths["usage by day over a year"])["data"]["buckets"]
    )
    stood = reader.json_of(paths["balance at an instant"])["data"]
    if not 0.9 * count < consumed <= count or not 0.4 * count < stood["total_consumed"] < 0.6 * count:
        raise Wrong(f"{count} consumed: {consumed} in the year, {stood} half way")
    if stood["balance"] != 3 * merchants.CREDITS - stood["total_consumed"]:
        raise Wrong(f"half way it stood {stood}")


row = Row(
    number="11",
    what="the slower of the balance at an instant and a year's usage by day, account with 1,000,000 transactions",
    against="one transaction of it by its primary key, same API",
    unit="µs",
    turn=turn,
    at_most=2,
)
