"""Row 5: consumptions by the five hundred a message against PostgreSQL's own writing of the same rows."""

from bench.backlog import many
from bench.drain import drain
from bench.pgbench import rows_per_second
from bench.row import Pair, Row
from bench.stand import Stand

MESSAGES, ITEMS = 200, 500
SECONDS = 15
CLIENTS = (1, 2, 4)  # the best one counts


def turn(stand: Stand, scale: float) -> Pair:
    """The service's drain of consume_many, then pgbench with each number of clients."""
    calls = many(round(MESSAGES * scale), items=ITEMS)
    applied = drain(stand, calls, task="credits.consume_many", applied_per_call=ITEMS).applied
    seconds = max(1, round(SECONDS * scale))
    best = max(rows_per_second(stand, clients=clients, seconds=seconds) for clients in CLIENTS)
    return Pair(applied.per_second, best)


row = Row(
    number="5",
    what="items applied by `consume_many`, 500 items a message over 1,000 merchants, events confirmed",
    against="pgbench writing the same rows set-based, 500 a transaction, at the best of 1, 2 and 4 clients",
    unit="items/s",
    turn=turn,
    at_least=0.35,
)
