"""The outbox's upkeep: what is stuck, what goes out again, what is parked instead, what is old enough to be deleted."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.transaction import atomic

from ledger import dialect
from ledger.follow_ups import Destination
from ledger.journal.outbox import up_to
from ledger.journal.parking import ToPark, park_rows
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow
from ledger.outcomes import ParkReason

EMPTIED = Q(destination=Destination.MESSAGE, body={})  # by a redaction: nothing is left to be sent


@dataclass(frozen=True, slots=True)
class Stuck:
    """Rows of one kind that wait to be published, with one error."""

    destination: str
    name: str
    last_error: str
    rows: int
    attempts: int  # of the one that was tried most often
    oldest_at: datetime
    oldest: UUID


def stuck_rows(*, older_than: datetime) -> list[Stuck]:
    """What was recorded before a moment and is unpublished, by kind and last error; what waits longest first."""
    late = OutboxRow.objects.filter(batch__published_at=None, created_at__lt=older_than)
    rows = late.annotate(last_error=F("batch__last_error"))
    kinds = rows.order_by().values("destination", "name", "last_error")
    counted = kinds.annotate(rows=Count("id"), attempts=Max("batch__attempts"), oldest_at=Min("created_at"))
    return [Stuck(**kind, oldest=_oldest_of(rows, kind)) for kind in counted.order_by("oldest_at")]


def _oldest_of(rows: QuerySet[OutboxRow], kind: Mapping[str, Any]) -> UUID:
    same = {name: kind[name] for name in ("destination", "name", "last_error")}
    return rows.filter(**same).order_by("created_at", "id").values_list("id", flat=True)[0]


def published_since(moment: datetime, destinations: Collection[Destination]) -> int:
    """How many rows for these destinations were published at a moment or after it, and can be published again."""
    published = OutboxRow.objects.filter(batch__published_at__gte=moment, destination__in=destinations)
    return published.exclude(EMPTIED).count()


def publish_again(*, since: datetime, until: datetime, destinations: Collection[Destination], limit: int) -> int:
    """Have up to `limit` rows that were published between two moments published again, by the sweep; how many.

    They go out as they were, in a batch of their own: the event_id stays. `until` keeps what the sweep publishes
    meanwhile from going again. 0: there are no more.
    """
    while True:
        with atomic():
            chosen, again = _published_again(since, until, destinations, limit)
        if again or not chosen:  # else somebody else had all of them published again meanwhile
            return again


def _published_again(
    since: datetime, until: datetime, destinations: Collection[Destination], limit: int
) -> tuple[int, int]:
    """How many rows were chosen, and how many of these are in a new batch now."""
    again = 0
    confirmed = OutboxRow.objects.filter(batch__published_at__gte=since, batch__published_at__lt=until)
    oldest = confirmed.filter(destination__in=destinations).exclude(EMPTIED).order_by("batch__published_at", "id")
    chosen = list(oldest.values_list("id", "batch", "destination")[:limit])
    former = {batch_id for _, batch_id, _ in chosen}
    now = dialect.current().clock()
    for destination in {destination for _, _, destination in chosen}:
        batch = OutboxBatch(destination=destination, publish_after=now)
        ids = [id_ for id_, _, of in chosen if of == destination]
        # Once more: a redaction may have emptied one meanwhile, another may have had it published again.
        rows = OutboxRow.objects.filter(id__in=ids, batch__in=former).exclude(EMPTIED)
        batch.size = rows.update(batch=batch.id, unrouted=False)
        if batch.size:
            batch.save(force_insert=True)
        again += batch.size
    _delete_empty(former)
    return len(chosen), again


def park_stuck(ids: Collection[UUID]) -> list[UUID]:
    """Park stored messages that can't be sent again, instead of trying for ever; the rows that were taken out.

    An event or a follow-up is never taken out: it is owed.
    """
    with atomic():
        # Batches before their rows, as a publisher that marks them.
        unpublished = OutboxBatch.objects.filter(published_at=None, destination=Destination.MESSAGE)
        of_rows = OutboxRow.objects.filter(id__in=ids).values("batch")
        batches = {batch.id: batch for batch in unpublished.filter(id__in=of_rows).order_by("id").select_for_update()}
        rows = list(OutboxRow.objects.filter(id__in=ids, batch__in=batches).order_by("id").select_for_update())
        parked = [
            ToPark(
                message=Message.from_text(row.body),
                reason=ParkReason.UNDELIVERABLE,
                detail=batches[row.batch_id].last_error,
                correlation_id=row.correlation_id,
            )
            for row in rows
        ]
        park_rows(parked, now=dialect.current().clock())
        OutboxRow.objects.filter(id__in=[row.id for row in rows]).delete()
        for batch_id, taken in Counter(row.batch_id for row in rows).items():
            OutboxBatch.objects.filter(id=batch_id).update(size=F("size") - taken)
        _delete_empty(batches)
    return [row.id for row in rows]


def published_before(moment: datetime) -> int:
    """How many rows were published before a moment."""
    return OutboxRow.objects.filter(batch__published_at__lt=moment).count()


def prune_published(*, older_than: datetime, limit: int) -> int:
    """Delete the oldest batches published before a moment, up to `limit` rows or one batch; how many rows."""
    oldest = OutboxBatch.objects.order_by("id").filter(published_at__lt=older_than).values_list("id", "size")
    ids = up_to(limit, oldest[:limit])
    with atomic():
        deleted, _ = OutboxRow.objects.filter(batch__in=ids).delete()
        _delete_empty(ids)
    return deleted


def _delete_empty(batches: Collection[UUID]) -> None:
    OutboxBatch.objects.filter(id__in=batches, rows=None).delete()
