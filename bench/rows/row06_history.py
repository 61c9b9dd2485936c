"""Row 6: a ledger of ten million transactions against one that has none. To make it and to audit it takes long."""

from bench.backlog import matches
from bench.drain import drain
from bench.row import Pair, Row
from bench.rows.row01_applied import MESSAGES
from bench.stand import Stand

TRANSACTIONS = 10_000_000


def turn(stand: Stand, scale: float) -> Pair:
    """The workload of row 1 twice: on accounts with a history, made once a run, and on new ones."""
    count = round(MESSAGES * scale)
    template = stand.template_with_history(round(TRANSACTIONS * scale))
    old = drain(stand, matches(count), template=template).applied
    new = drain(stand, matches(count)).applied
    return Pair(old.per_second, new.per_second)


row = Row(
    number="6",
    what="commands applied with 10,000,000 transactions in the table",
    against="row 1's workload on a new ledger",
    unit="messages/s",
    turn=turn,
    at_least=0.8,
    most_turns=1,
)
