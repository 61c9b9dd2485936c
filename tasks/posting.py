"""Posting: decides requests for as long as it takes, then counts, logs and publishes what came of it."""

import time
from collections.abc import Sequence

import structlog

from ledger import metrics
from ledger.journal import Posted
from ledger.journal.surely import post_surely
from ledger.outcomes import Outcome, Status
from ledger.requests import Request
from ledger.rules.batch import Waiting
from tasks import tracing
from tasks.relay import relay
from tasks.shutdown import pause

log = structlog.get_logger("credits")


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


def tell(posted: Posted, *, seconds: float) -> None:
    """Publish what a committed batch recorded, then count and log what it came to."""
    relay.publish(posted.recorded)
    metrics.count_batch(posted.decided, seconds=seconds)
    for request, outcome in posted.decided:
        _log(request, outcome)


def _log(request: Request, outcome: Outcome) -> None:
    write = log.warning if outcome.status is Status.PARKED else log.info
    write(
        f"request {outcome.status}",
        task=request.command.task,
        correlation_id=request.correlation_id,
        merchant_id=str(request.command.merchant_id),
        transaction_id=outcome.transaction_id and str(outcome.transaction_id),
        amount=outcome.amount,
        balance=outcome.balance,
        reference=outcome.reference_type and f"{outcome.reference_type}/{outcome.reference_id}",
        reason=outcome.reason,
        replayed=outcome.replayed,
        **({"producer": request.producer} if request.producer else {}),
        **({"trace_id": tracing.trace_id_in(request.traceparent)} if request.traceparent else {}),
    )
