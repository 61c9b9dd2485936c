"""Row 4: two workers on ten accounts against the same workers on a thousand."""

from bench.backlog import matches
from bench.drain import drain
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand

MERCHANTS = 10


def turn(stand: Stand, scale: float) -> Pair:
    """The Procfile's workers, two of them consuming, on ten merchants; then row 1 as it is."""
    count = round(MESSAGES * scale)
    few = drain(stand, matches(count, merchant_count=MERCHANTS)).applied
    many = drain(stand, matches(count)).applied
    return Pair(few.per_second, many.per_second)


row = Row(
    number="4",
    what="commands applied, the Procfile's two consuming workers on 10 merchants",
    against="row 1's workload over 1,000 merchants",
    unit="messages/s",
    turn=turn,
    at_least=0.85,
)
