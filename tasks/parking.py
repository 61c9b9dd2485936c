"""Parking: stores what can't be carried out, for as long as it takes, then counts it and logs it."""

from collections.abc import Sequence

import structlog

from ledger import metrics
from ledger.journal.parking import ToPark, park
from ledger.journal.surely import through_trouble
from tasks.shutdown import pause

log = structlog.get_logger("credits")


def store_parked(messages: Sequence[ToPark]) -> None:
    """Store messages in a transaction of their own. Raises Trouble where the worker is told to stop meanwhile."""
    if not messages:
        return
    through_trouble(lambda: park(messages), pause=pause)
    metrics.count_parked(message.reason for message in messages)
    for parked in messages:
        log.warning(
            "message parked",
            name=parked.message and parked.message.name,
            queue=parked.message and parked.message.queue,
            reason=str(parked.reason),
            field=parked.field,
            correlation_id=parked.correlation_id,
        )
