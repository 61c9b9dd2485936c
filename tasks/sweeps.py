"""The sweeps: what is done again and again, because a worker may be killed at any instruction."""

import time
from datetime import UTC, datetime
from typing import Any

import structlog
from celery import Task, current_app, shared_task
from celery.utils.time import maybe_iso8601
from celery.worker import state
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from ledger.errors import Trouble
from ledger.journal.due import post_due_accounts
from ledger.journal.outbox_upkeep import prune_published
from ledger.journal.sweep import has_any_come, park_outlived, post_due, send_due_again
from tasks.posting import tell
from tasks.relay import relay
from tasks.shutdown import pause, stopping
from tasks.transports import is_embedded

log = structlog.get_logger(__name__)

BATCH = 500
MAX_BATCHES = 40  # of one sweep: the next one goes on


class Sweep(Task):
    """A sweep is not carried out late: behind a worker that could not work they pile up, and the next one does all."""

    abstract = True
    Strategy = "tasks.strategy:checked"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        expires = maybe_iso8601(self.request.expires)
        if expires is not None and expires < datetime.now(UTC):
            return 0
        return self.run(*args, **kwargs)


@shared_task(base=Sweep, bind=True, name="credits.sweep_outbox")
def sweep_outbox(self: Task) -> int:
    """Publish what was not published at once; how many rows."""
    published = 0
    for _ in range(MAX_BATCHES):
        confirmed = relay.sweep(limit=BATCH)
        published += confirmed
        if not confirmed or stopping.is_set():  # nothing is left, or the broker confirms nothing
            break
    if published:
        log.info("outbox swept", published=published)
    return published


@shared_task(base=Sweep, bind=True, name="credits.sweep_due")
def sweep_due(self: Task) -> int:
    """Do what time has brought: to commands that wait, then to accounts; how many commands and events.

    One task, because it is sent each second and mostly finds nothing: a task takes longer than the looks.
    """
    done = 0
    try:
        done += _sweep_waiting()
    finally:
        if not stopping.is_set():
            done += _sweep_accounts()
    return done


@shared_task(base=Sweep, bind=True, name="credits.prune_outbox")
def prune_outbox(self: Task) -> int:
    """Delete outbox rows that were published longer ago than OUTBOX_RETENTION; how many."""
    older_than = timezone.now() - settings.OUTBOX_RETENTION
    pruned = 0
    for _ in range(MAX_BATCHES):
        deleted = prune_published(older_than=older_than, limit=BATCH)
        pruned += deleted
        if not deleted or stopping.is_set():
            break
    if is_embedded(current_app):
        import_string("tasks.embedded.prune")(current_app)
    return pruned


def _sweep_waiting() -> int:
    """Post waiting commands that are due, send kept messages again, park what outlived its wait; how many in all."""
    if not has_any_come():
        return 0
    posted = _post_waiting()
    sent_again = send_due_again(limit=BATCH)
    if sent_again:
        relay.sweep(limit=BATCH)  # at once: their time has come
    return posted + sent_again + park_outlived(limit=BATCH)


def _post_waiting() -> int:
    swept = 0
    for _ in range(MAX_BATCHES):
        started = time.monotonic()
        try:
            posted = post_due(limit=BATCH, revoked=state.revoked, pause=pause)
        except Trouble:
            break
        swept += len(posted.outcomes)
        is_told = not posted.decided or tell(posted, seconds=time.monotonic() - started)
        if len(posted.outcomes) < BATCH or not is_told or stopping.is_set():
            break
    return swept


def _sweep_accounts() -> int:
    """Post what has fallen due by time alone, and tell of it; how many events."""
    told = 0
    pages = post_due_accounts(limit=BATCH, pause=pause)
    for _ in range(MAX_BATCHES):
        started = time.monotonic()
        try:
            posted = next(pages, None)
        except Trouble:
            break
        if posted is None or stopping.is_set():
            break
        told += len(posted.recorded)
        if not tell(posted, seconds=time.monotonic() - started):
            break
    if told:
        log.info("due entries posted", told=told)
    return told
