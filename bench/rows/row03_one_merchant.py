"""Row 3: one hot account against many."""

from bench.backlog import matches
from bench.drain import drain
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand


def turn(stand: Stand, scale: float) -> Pair:
    """The workload of row 1 twice: all of it for one merchant, then for 1,000."""
    count = round(MESSAGES * scale)
    one = drain(stand, matches(count, merchant_count=1)).applied
    many = drain(stand, matches(count)).applied
    return Pair(one.per_second, many.per_second)


row = Row(
    number="3",
    what="commands applied, all messages for ONE merchant",
    against="row 1's workload over 1,000 merchants",
    unit="messages/s",
    turn=turn,
    at_least=0.9,
)
