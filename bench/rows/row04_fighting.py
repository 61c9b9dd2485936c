"""Row 4: two workers on ten accounts against the same workers on a thousand."""

from bench import procfile
from bench.backlog import matches
from bench.drain import drain
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand

MERCHANTS = 10


def turn(stand: Stand, scale: float) -> Pair:
    """The Procfile's workers with a second one of the consuming kind, on ten merchants; row 1 as it is."""
    count = round(MESSAGES * scale)
    few = drain(stand, matches(count, merchant_count=MERCHANTS), workers=procfile.with_second_consumer()).applied
    many = drain(stand, matches(count)).applied
    return Pair(few.per_second, many.per_second)


row = Row(
    number="4",
    what="commands applied, two consuming workers on 10 merchants",
    against="row 1's workload over 1,000 merchants, the Procfile's workers",
    unit="messages/s",
    turn=turn,
)
