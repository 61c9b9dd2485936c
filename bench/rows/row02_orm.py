"""Row 2: commands applied per second against one ORM transaction a message."""

from bench.backlog import matches
from bench.drain import drain
from bench.orm import drain_orm
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand

OF_THE_REFERENCE = 6_000  # messages: it is so much slower
PROCESSES = (2, 4, 8)  # of the reference; the best one counts


def turn(stand: Stand, scale: float) -> Pair:
    """The service's drain, then the reference's at each concurrency."""
    applied = drain(stand, matches(round(MESSAGES * scale))).applied
    count = round(OF_THE_REFERENCE * scale)
    best = max(drain_orm(stand, matches(count), processes=processes).per_second for processes in PROCESSES)
    return Pair(applied.per_second, best)


row = Row(
    number="2",
    what="commands applied, workload of row 1",
    against="one ORM transaction a message, Celery prefork at the best of 2, 4 and 8 processes",
    unit="messages/s",
    turn=turn,
    at_least=10,
)
