"""Posting: the one way in which anything changes the books. One batch, one database transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.transaction import atomic

from ledger.journal.load import Drain, load
from ledger.journal.outbox import Recorded
from ledger.journal.trouble import is_duplicate
from ledger.journal.waiting import still_waiting
from ledger.journal.write import write
from ledger.outcomes import Outcome
from ledger.policy import current_policy
from ledger.requests import Request
from ledger.rules import plan
from ledger.rules.batch import Waiting

MAX_RUNS = 5  # of one batch, while others use its references at the same moment


@dataclass(frozen=True, slots=True)
class Posted:
    """What a batch came to: an outcome for each request, in order, and the outbox rows to be published.

    decided holds every request with its outcome, those that had waited for an account of this batch included.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    decided: list[tuple[Request, Outcome]] = field(default_factory=list)

    def __add__(self, other: "Posted") -> "Posted":
        return Posted(self.outcomes + other.outcomes, self.recorded + other.recorded, self.decided + other.decided)


def post(requests: Sequence[Request]) -> list[Outcome]:
    """Decide requests in order, in one database transaction; an outcome for each.

    Raises IntegrityError where others kept using the batch's references, and whatever else the database raises.
    """
    return post_batch([Waiting(request) for request in requests]).outcomes


def post_batch(batch: Sequence[Waiting], *, drain: Drain = Drain.DUE, merchants: Collection[UUID] = ()) -> Posted:
    """Like post, for requests of which some are stored as waiting rows; says too what is to be published.

    Those that another has posted or parked meanwhile, or is about to, are left out and have no outcome.
    What is due on the accounts of these merchants is posted too: an empty batch posts that alone.
    """
    for _ in range(MAX_RUNS - 1):
        try:
            return _run(batch, drain, merchants)
        except IntegrityError as error:
            if not is_duplicate(error):
                raise
    return _run(batch, drain, merchants)


def _run(batch: Sequence[Waiting], drain: Drain, merchants: Collection[UUID]) -> Posted:
    policy = current_policy()
    with atomic(durable=True):
        batch = still_waiting(batch)
        books = load([waiting.request for waiting in batch], policy, drain=drain, merchants=merchants)
        planned = plan(batch, books, policy)
        recorded = write(planned, now=books.now, account_wait=settings.ACCOUNT_WAIT)
    return Posted(planned.outcomes, recorded, planned.decided)
