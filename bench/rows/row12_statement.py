"""Row 12: the memory of the web server while it writes a statement of a million rows, and one of 10,000."""

from bench.memory import peak_of_largest
from bench.reading import Reader, reading, shop
from bench.row import Pair, Row, Wrong
from bench.stand import Stand

MANY, FEW = 1_000_000, 10_000
FORMS = ("csv", "jsonl")
CHUNK_BYTES = 1 << 20


def turn(stand: Stand, scale: float) -> Pair:
    """The peak of a server that has written the long statement, and of another that has written the short one."""
    return Pair(*(peak(stand, rows) for rows in (round(MANY * scale), FEW)))


def peak(stand: Stand, rows: int) -> float:
    """MB that the largest of the server's processes held at most, over statements in each form."""
    template = stand.template_with_history(rows, accounts=1)
    with stand.database(template=template, read_only=True) as database_url:
        environment = stand.environment(database_url=database_url, broker_url="memory://")
        with reading(stand, environment, shop(0)) as reader:
            for form in FORMS:
                read_statement(reader, form, rows=rows)
            held = peak_of_largest(reader.server)
    return held


def read_statement(reader: Reader, form: str, *, rows: int) -> None:
    """Read a statement as it comes. Raises Wrong unless it holds every row, and its closing line."""
    reader.connection.request("GET", f"/api/credits/statement.{form}", headers=dict(reader.headers))
    response = reader.connection.getresponse()
    lines, end = 0, b""
    while chunk := response.read(CHUNK_BYTES):
        lines += chunk.count(b"\n")
        end = (end + chunk)[-1000:]
    # Three grants, what was consumed, an opening and a closing line; CSV has a line of names too.
    expected = 3 + rows + 2 + (form == "csv")
    if lines != expected or b"closing" not in end.splitlines()[-1]:
        raise Wrong(f"a statement of {lines} lines, not {expected}, that ends {end[-200:]!r}")


row = Row(
    number="12",
    what="peak memory of the largest web process, statements of 1,000,000 rows written as CSV and as JSON lines",
    against="the same of 10,000 rows",
    unit="MB",
    turn=turn,
    at_most=1.1,
)
