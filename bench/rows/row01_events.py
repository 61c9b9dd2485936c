"""Row 1's condition: events confirmed per second keep up with what is applied."""

from bench.backlog import matches
from bench.drain import drain
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand


def turn(stand: Stand, scale: float) -> Pair:
    """Both out of one drain and one window."""
    drained = drain(stand, matches(round(MESSAGES * scale)))
    return Pair(drained.told.per_second, drained.applied.per_second)


row = Row(
    number="events",
    what="events confirmed by the broker, workload of row 1",
    against="commands applied, same drain, same window",
    unit="/s",
    turn=turn,
    at_least=0.95,
)
