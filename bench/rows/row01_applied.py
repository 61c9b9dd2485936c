"""Row 1: commands applied per second against Celery's own speed."""

from bench.backlog import matches
from bench.drain import drain
from bench.noop import drain_noop
from bench.row import Pair, Row
from bench.stand import Stand

MESSAGES = 210_000  # half a minute and more of each
MESSAGES_OF_THE_REFERENCE = 100_000


def turn(stand: Stand, scale: float) -> Pair:
    """Calls of the same kind to both: one consume_match a message, over 1,000 merchants."""
    applied = drain(stand, matches(round(MESSAGES * scale))).applied
    nothing = drain_noop(stand, matches(round(MESSAGES_OF_THE_REFERENCE * scale)))
    return Pair(applied.per_second, nothing.per_second)


row = Row(
    number="1",
    what="commands applied, the Procfile's workers, 1,000 merchants, one `consume_match` a message, events confirmed",
    against="Celery no-op task, prefork -c 2, same messages, same kind of queue",
    unit="messages/s",
    turn=turn,
    at_least=2.5,
)
