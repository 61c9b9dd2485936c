"""The outbox: rows recorded with their cause, leased to one publisher at a time, marked when confirmed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.transaction import atomic

from ledger import dialect
from ledger.dialect import INTEGER, JSON, KEY, MOMENT, TEXT, UUID_, Columns
from ledger.follow_ups import Destination
from ledger.journal.inserting import insert_rows
from ledger.journal.parking import ToPark, park_rows
from ledger.messages import Message
from ledger.models import OutboxRow
from ledger.outcomes import ParkReason

FIRST_LEASE = timedelta(seconds=5)  # the worker that wrote a row publishes it within this time, or the sweep does
LEASE = timedelta(seconds=30)  # how long the sweep keeps a row that it took
# A lease that ends this long from now was given before the clock was put back. Longer than a lease: a sweep that has
# read the clock and stands still meanwhile must not take another sweep's newer lease for one of these.
BEFORE_THE_CLOCK_WAS_PUT_BACK = 2 * LEASE
MAX_ERROR_LENGTH = 500
EMPTIED = Q(destination=Destination.MESSAGE, body={})  # by a redaction: nothing is left to be sent

OUTBOX: Columns = {
    "id": UUID_,
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
    "publish_after": MOMENT,
}
of_outbox = itemgetter(*OUTBOX)


class Recorded(NamedTuple):
    """An outbox row that is to be published; body is an event's envelope, or a stored message."""

    id: UUID
    destination: Destination
    name: str
    body: Mapping[str, Any]
    correlation_id: str
    traceparent: str = ""


def insert_outbox(rows: Sequence[dict[str, Any]]) -> list[Recorded]:
    """Insert rows whose keys are OUTBOX's columns but publish_after; returns them as they are to be published."""
    if not rows:
        return []
    for row in rows:
        row["publish_after"] = row["created_at"] + FIRST_LEASE
    insert_rows("credit_outbox", OUTBOX, [of_outbox(row) for row in rows])
    return [
        Recorded(
            row["id"],
            Destination(row["destination"]),
            row["name"],
            row["body"],
            row["correlation_id"],
            row["traceparent"],
        )
        for row in rows
    ]


def record_message(*, queue: str, message: Mapping[str, str], correlation_id: str, at: datetime) -> UUID:
    """Record a stored message (as Message.as_text gives it) to be sent again to its queue; the outbox row's id."""
    row = OutboxRow.objects.create(
        destination=Destination.MESSAGE,
        name=queue,
        body=dict(message),
        correlation_id=correlation_id,
        created_at=at,
        publish_after=at,
    )
    return row.id


def lease_unpublished(*, limit: int, of: Collection[Destination] = tuple(Destination)) -> list[Recorded]:
    """Take up to `limit` rows of these destinations that nobody has published in time, for LEASE; the oldest first.

    By flag and never by a watermark: a transaction that began earlier may commit later. A lease that was given before
    the clock was put back counts for nothing.
    """
    spoken = dialect.current()
    with atomic(), connection.cursor() as cursor:
        now = spoken.clock()
        cursor.execute(
            "SELECT id FROM credit_outbox WHERE published_at IS NULL AND (publish_after <= %s OR publish_after > %s) "
            f"AND destination IN ({', '.join('%s' for _ in of)}) "
            f"ORDER BY publish_after LIMIT %s {spoken.lock_free_ones}",
            [spoken.encode(now), spoken.encode(now + BEFORE_THE_CLOCK_WAS_PUT_BACK), *of, limit],
        )
        ids = [spoken.uuid(row[0]) for row in cursor.fetchall()]
        rows = OutboxRow.objects.filter(id__in=ids)
        rows.update(publish_after=now + LEASE, attempts=F("attempts") + 1)
        return [_recorded(row) for row in rows.order_by("id")]


def _recorded(row: OutboxRow) -> Recorded:
    return Recorded(row.id, Destination(row.destination), row.name, row.body, row.correlation_id, row.traceparent)


def mark_published(ids: Iterable[UUID], *, unrouted: Iterable[UUID] = ()) -> None:
    """Mark rows as confirmed by the broker; unrouted are those of them that nobody was bound for.

    A mark that is lost with the server has them published once more, which "at least once" allows.
    """
    returned = set(unrouted)
    now = dialect.current().clock()
    _mark(returned, at=now, unrouted=True)
    _mark([id_ for id_ in ids if id_ not in returned], at=now, unrouted=False)


def _mark(ids: Collection[UUID], *, at: datetime, unrouted: bool) -> None:
    if not ids:
        return
    spoken = dialect.current()
    with connection.cursor() as cursor:
        cursor.execute(
            f"{spoken.unhurried}UPDATE credit_outbox SET published_at = %s, unrouted = %s "
            f"FROM {spoken.source(KEY)} WHERE credit_outbox.id = {spoken.column('id')}",
            [spoken.encode(at), unrouted, *dialect.recordset(KEY, zip(ids))],
        )


def mark_failed(ids: Iterable[UUID], *, error: str) -> None:
    """Note why rows could not be published; the sweep takes them again once their lease has ended."""
    OutboxRow.objects.filter(id__in=list(ids)).update(last_error=error[:MAX_ERROR_LENGTH])


def published_before(moment: datetime) -> int:
    """How many rows were published before a moment."""
    return OutboxRow.objects.filter(published_at__lt=moment).count()


def prune_published(*, older_than: datetime, limit: int) -> int:
    """Delete up to `limit` rows that were published before a moment, the oldest first; how many they were."""
    oldest = OutboxRow.objects.order_by("id").filter(published_at__lt=older_than).values("id")[:limit]
    deleted, _ = OutboxRow.objects.filter(id__in=list(oldest.values_list("id", flat=True))).delete()
    return deleted


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
    rows = OutboxRow.objects.filter(published_at=None, created_at__lt=older_than)
    kinds = rows.order_by().values("destination", "name", "last_error")
    counted = kinds.annotate(rows=Count("id"), attempts=Max("attempts"), oldest_at=Min("created_at"))
    return [Stuck(**kind, oldest=_oldest_of(rows, kind)) for kind in counted.order_by("oldest_at")]


def _oldest_of(rows: "QuerySet[OutboxRow]", kind: Mapping[str, Any]) -> UUID:
    same = {name: kind[name] for name in ("destination", "name", "last_error")}
    return rows.filter(**same).order_by("created_at", "id").values_list("id", flat=True)[0]


def published_since(moment: datetime, destinations: Collection[Destination]) -> int:
    """How many rows for these destinations were published at a moment or after it, and can be published again."""
    return OutboxRow.objects.filter(published_at__gte=moment, destination__in=destinations).exclude(EMPTIED).count()


def publish_again(*, since: datetime, until: datetime, destinations: Collection[Destination], limit: int) -> int:
    """Have up to `limit` rows that were published between two moments published again, by the sweep; how many.

    They go out as they were: the event_id stays. `until` keeps what the sweep publishes meanwhile from going again.
    """
    with atomic():
        confirmed = OutboxRow.objects.filter(published_at__gte=since, published_at__lt=until)
        oldest = confirmed.filter(destination__in=destinations).exclude(EMPTIED).order_by("published_at")
        ids = list(oldest.values_list("id", flat=True)[:limit])
        now = dialect.current().clock()
        # Once more: a redaction may have emptied one meanwhile.
        chosen = OutboxRow.objects.filter(id__in=ids).exclude(EMPTIED)
        return chosen.update(published_at=None, publish_after=now, unrouted=False)


def park_stuck(ids: Collection[UUID]) -> list[UUID]:
    """Park stored messages that can't be sent again, instead of trying for ever; the rows that were taken out.

    An event or a follow-up is never taken out: it is owed.
    """
    with atomic():
        messages = OutboxRow.objects.filter(id__in=ids, published_at=None, destination=Destination.MESSAGE)
        rows = list(messages.order_by("id").select_for_update())
        parked = [
            ToPark(
                message=Message.from_text(row.body),
                reason=ParkReason.UNDELIVERABLE,
                detail=row.last_error,
                correlation_id=row.correlation_id,
            )
            for row in rows
        ]
        park_rows(parked, now=dialect.current().clock())
        OutboxRow.objects.filter(id__in=[row.id for row in rows]).delete()
    return [row.id for row in rows]
