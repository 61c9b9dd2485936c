"""Row 10: page 1 of a history of a million transactions, and page 20,000, by number and by cursor."""

from itertools import pairwise, repeat
from urllib.parse import parse_qs, urlsplit

from bench.reading import Reader, reading, shop
from bench.results import say
from bench.row import Pair, Row, Wrong
from bench.stand import Stand

TRANSACTIONS = 1_000_000
PAGE_ROWS = 50
ROUNDS = 400
PATH = "/api/credits/transactions"


def turn(stand: Stand, scale: float) -> Pair:
    """The slowest of the four against the fastest."""
    template = stand.template_with_history(round(TRANSACTIONS * scale), accounts=1)
    with stand.database(template=template, read_only=True) as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        with reading(stand, environment, shop(0)) as reader:
            paths = paths_to(reader)
            check(reader, paths)
            times = dict(zip(paths, reader.microseconds(list(map(repeat, paths.values())), rounds=ROUNDS), strict=True))
    say("   " + ", ".join(f"{name} {time:,.0f} µs" for name, time in times.items()))
    return Pair(max(times.values()), min(times.values()))


def paths_to(reader: Reader) -> dict[str, str]:
    """The first full page and the last one, each by its number and by the cursor that leads there."""
    pages = reader.json_of(f"{PATH}?limit={PAGE_ROWS}")["pagination"]["pages"]
    last = pages - 1  # full, whatever the history's length
    return {
        "page 1": f"{PATH}?page=1&limit={PAGE_ROWS}",
        f"page {last:,}": f"{PATH}?page={last}&limit={PAGE_ROWS}",
        "cursor to page 2": cursor_after(reader, 1),
        f"cursor to page {last:,}": cursor_after(reader, last - 1),
    }


def cursor_after(reader: Reader, page: int) -> str:
    """The address of the page after that one, as the answer links to it, without the number that only people read."""
    link = reader.json_of(f"{PATH}?page={page}&limit={PAGE_ROWS}")["links"]["next"]
    (cursor,) = parse_qs(urlsplit(link).query)["cursor"]
    return f"{PATH}?limit={PAGE_ROWS}&cursor={cursor}"


def check(reader: Reader, paths: dict[str, str]) -> None:
    """Raise Wrong unless each page is full and follows from itself, and both ways lead to the same last one."""
    pages = [reader.json_of(path)["data"] for path in paths.values()]
    for page in pages:
        follows = all(newer["balance_before"] == older["balance_after"] for newer, older in pairwise(page))
        if len(page) != PAGE_ROWS or not follows:
            raise Wrong(f"a page of {len(page)} rows, which follow from each other: {follows}")
    if pages[1] != pages[3] or pages[0] == pages[1]:
        raise Wrong("number and cursor lead to different pages, or the first is the last")


row = Row(
    number="10",
    what="a page of 50 of an account's 1,000,000 transactions, the slowest of page 1, page 20,000, and both by cursor",
    against="the fastest of them",
    unit="µs",
    turn=turn,
    at_most=1.2,
)
