"""The outbox: rows recorded with their cause in batches, leased to one publisher at a time, marked when confirmed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet
from django.db.transaction import atomic

from ledger import dialect
from ledger.dialect import INTEGER, JSON, MOMENT, TEXT, UUID_, Columns
from ledger.follow_ups import Destination
from ledger.journal.inserting import insert_rows
from ledger.models import OutboxBatch, OutboxRow

FIRST_LEASE = timedelta(seconds=5)  # the worker that wrote a batch publishes it within this time, or the sweep does
LEASE = timedelta(seconds=30)  # how long the sweep keeps a batch that it took
# A lease that ends this long from now was given before the clock was put back. Longer than a lease: a sweep that has
# read the clock and stands still meanwhile must not take another sweep's newer lease for one of these.
BEFORE_THE_CLOCK_WAS_PUT_BACK = 2 * LEASE
MAX_ERROR_LENGTH = 500
LARGEST_BATCH = 500  # rows: what the sweep publishes and marks at a time

BATCH: Columns = {"id": UUID_, "destination": TEXT, "size": INTEGER, "publish_after": MOMENT}
COUNT: Columns = {"id": UUID_, "size": INTEGER}
OUTBOX: Columns = {  # in the order of Recorded's fields: what is recorded is a row as it is
    "id": UUID_,
    "batch_id": UUID_,
    "destination": TEXT,
    "name": TEXT,
    "event_type": TEXT,
    "body": JSON,
    "account_id": UUID_,
    "account_sequence": INTEGER,
    "transaction_id": UUID_,
    "correlation_id": TEXT,
    "traceparent": TEXT,
    "created_at": MOMENT,
}


class Recorded(NamedTuple):
    """An outbox row that is to be published; body is an event's envelope, or a stored message."""

    id: UUID
    batch_id: UUID
    destination: Destination
    name: str
    event_type: str
    body: Mapping[str, Any]
    account_id: UUID | None
    account_sequence: int | None
    transaction_id: UUID | None
    correlation_id: str
    traceparent: str
    created_at: datetime


def insert_outbox(rows: Sequence[Recorded]) -> None:
    """Insert rows and the batches that they name, each of one destination and up to LARGEST_BATCH rows."""
    if not rows:
        return
    after = rows[0].created_at + FIRST_LEASE
    sizes = Counter((row.batch_id, row.destination) for row in rows)
    batches = [(id_, destination, size, after) for (id_, destination), size in sizes.items()]
    insert_rows("credit_outbox_batches", BATCH, batches)
    insert_rows("credit_outbox", OUTBOX, rows)


def record_message(*, queue: str, message: Mapping[str, str], correlation_id: str, at: datetime) -> UUID:
    """Record a stored message (as Message.as_text gives it) to be sent again to its queue; the outbox row's id."""
    row = OutboxRow.objects.create(
        batch=OutboxBatch.objects.create(destination=Destination.MESSAGE, size=1, publish_after=at),
        destination=Destination.MESSAGE,
        name=queue,
        body=dict(message),
        correlation_id=correlation_id,
        created_at=at,
    )
    return row.id


def lease_unpublished(*, limit: int, of: Collection[Destination] = tuple(Destination)) -> list[Recorded]:
    """Take batches of these destinations that nobody has published in time, for LEASE; their rows, the oldest first.

    As many batches as have up to `limit` rows together, or a larger one alone. By flag and never by a watermark: a
    transaction that began earlier may commit later. A lease that was given before the clock was put back counts for
    nothing. A batch that all rows have left goes.
    """
    spoken = dialect.current()
    with atomic(), connection.cursor() as cursor:
        now = spoken.clock()
        cursor.execute(
            "SELECT id, size FROM credit_outbox_batches "
            "WHERE published_at IS NULL AND (publish_after <= %s OR publish_after > %s) "
            f"AND destination IN ({', '.join('%s' for _ in of)}) "
            f"ORDER BY publish_after LIMIT %s {spoken.lock_free_ones}",
            [spoken.encode(now), spoken.encode(now + BEFORE_THE_CLOCK_WAS_PUT_BACK), *of, limit],
        )
        ids = up_to(limit, ((spoken.uuid(id_), size) for id_, size in cursor.fetchall()))
        OutboxBatch.objects.filter(id__in=ids).update(publish_after=now + LEASE, attempts=F("attempts") + 1)
        rows = OutboxRow.objects.filter(batch__in=ids)
        leased = to_publish(rows)
        OutboxBatch.objects.filter(id__in={*ids} - {row.batch_id for row in leased}).delete()
    return leased


def to_publish(rows: QuerySet[OutboxRow]) -> list[Recorded]:
    """Rows as they are to be published, the oldest first."""
    values = map(Recorded._make, rows.order_by("id").values_list(*Recorded._fields))
    return [row._replace(destination=Destination(row.destination)) for row in values]


def up_to(limit: int, batches: Iterable[tuple[UUID, int]]) -> list[UUID]:
    """The first batches, given with their sizes, that have up to `limit` rows together; one at least."""
    ids: list[UUID] = []
    rows = 0
    for id_, size in batches:
        rows += size
        if ids and rows > limit:
            break
        ids.append(id_)
    return ids


def mark(
    rows: Sequence[Recorded], *, confirmed: Collection[UUID], unrouted: Collection[UUID] = (), error: str = ""
) -> None:
    """Mark the batches of rows as published; what the broker did not confirm leaves them, and waits on with the error.

    rows are whole batches, confirmed and unrouted ids of theirs; unrouted is what nobody was bound for. A batch of
    which rows are missing here is not marked. What another publisher has marked meanwhile is left as it is. A mark that
    is lost with the server has its batch published once more, which "at least once" allows.
    """
    counts: Counter[UUID] = Counter()
    failed: dict[UUID, list[UUID]] = defaultdict(list)
    for row in rows:
        if row.id in confirmed:
            counts[row.batch_id] += 1
        else:
            failed[row.batch_id].append(row.id)
    if not failed and not unrouted:
        _mark(counts)  # as nearly always: one statement and no transaction round it, for the sake of a batch of one
        return
    with atomic():
        waiting = _leave(counts, failed)
        OutboxBatch.objects.filter(id__in=waiting).update(last_error=error[:MAX_ERROR_LENGTH])
        told = _mark(counts)
        OutboxRow.objects.filter(id__in=list(unrouted), batch__in=told).update(unrouted=True)


def _leave(counts: Mapping[UUID, int], failed: Mapping[UUID, Collection[UUID]]) -> list[UUID]:
    """Have what failed leave the batches of which some rows were confirmed; the ids of those that wait on."""
    waiting = []
    unpublished = OutboxBatch.objects.filter(id__in={*counts, *failed}, published_at=None)
    for batch in unpublished.order_by("id").select_for_update():  # in _mark's order
        if batch.id in failed:
            waiting.append(_apart(batch, failed[batch.id]) if batch.id in counts else batch.id)
    return waiting


def _apart(batch: OutboxBatch, ids: Collection[UUID]) -> UUID:
    """Move those rows that are still in a batch, which is locked, to a new one like it; that one's id."""
    new = OutboxBatch(destination=batch.destination, publish_after=batch.publish_after, attempts=batch.attempts)
    new.size = OutboxRow.objects.filter(id__in=ids, batch=batch).update(batch=new.id)
    if new.size:
        new.save(force_insert=True)
        batch.size -= new.size
        batch.save(update_fields=["size"])
    return new.id


def _mark(counts: Mapping[UUID, int]) -> list[UUID]:
    """Mark those of these batches that are unpublished and have no more rows than that; the ids of the marked.

    In the order of their ids: two that mark the same ones would wait for each other.
    """
    if not counts:
        return []
    spoken = dialect.current()
    in_order = (
        f"SELECT batch.id FROM credit_outbox_batches batch JOIN {spoken.source(COUNT)} "
        f"ON batch.id = {spoken.column('id')} AND batch.size <= {spoken.column('size')} "
        f"WHERE published_at IS NULL ORDER BY batch.id {spoken.lock}"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{spoken.unhurried}UPDATE credit_outbox_batches SET published_at = {spoken.now} "
            f"WHERE id IN ({in_order}) RETURNING id",
            dialect.recordset(COUNT, counts.items()),
        )
        return [spoken.uuid(id_) for (id_,) in cursor.fetchall()]
