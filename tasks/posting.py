"""Posting: decides requests for as long as it takes, then counts, logs and publishes what came of it."""

import logging
import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from ledger import metrics
from ledger.journal import Posted
from ledger.journal.surely import post_surely
from ledger.outcomes import Outcome, Status
from ledger.requests import Request
from ledger.rules.batch import Waiting
from tasks import tracing
from tasks.relay import relay
from tasks.shutdown import pause

log = logging.getLogger("credits")  # the library's: a batch's lines go as one record (creditsvc/logging.py)


def post_requests(requests: Sequence[Request]) -> Posted:
    """Post requests; an outcome for each, in order. Raises Trouble where the worker is told to stop meanwhile."""
    if not requests:
        return Posted()
    started = time.monotonic()
    posted = tracing.posted_in_spans(requests, _post) if tracing.is_on() else _post(requests)
    tell(posted, seconds=time.monotonic() - started)
    return posted


def _post(requests: Sequence[Request]) -> Posted:
    return post_surely([Waiting(request) for request in requests], pause=pause)


def tell(posted: Posted, *, seconds: float) -> bool:
    """Publish what a committed batch recorded, then count and log what it came to; whether all of it was confirmed."""
    is_told = relay.publish(posted.recorded) == len(posted.recorded)
    metrics.count_batch(posted.decided, seconds=seconds)
    for level, lines in groupby(map(_line, posted.decided), key=itemgetter(0)):
        log.log(level, [line for _, line in lines])
    return is_told


def _line(decided: tuple[Request, Outcome]) -> tuple[int, dict[str, Any]]:
    """What the log says of one request, and how loud."""
    request, outcome = decided
    line = {
        "event": f"request {outcome.status}",
        "task": request.command.task,
        "correlation_id": request.correlation_id,
        "merchant_id": str(request.command.merchant_id),
        "transaction_id": outcome.transaction_id and str(outcome.transaction_id),
        "amount": outcome.amount,
        "balance": outcome.balance,
        "reference": outcome.reference_type and f"{outcome.reference_type}/{outcome.reference_id}",
        "reason": outcome.reason,
        "replayed": outcome.replayed,
    }
    if request.producer:
        line["producer"] = request.producer
    if request.traceparent:
        line["trace_id"] = tracing.trace_id_in(request.traceparent)
    return (logging.WARNING if outcome.status is Status.PARKED else logging.INFO), line
