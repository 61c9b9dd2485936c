"""The outbox while staff and publishers work on the same rows: nothing waits for ever, nothing is told for ever."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import connections
from django.db.transaction import atomic
from django.utils import timezone

from ledger.follow_ups import Destination
from ledger.journal import outbox
from ledger.journal.outbox import lease_unpublished, mark, record_message
from ledger.journal.outbox_upkeep import park_stuck, publish_again
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow
from tests.ledger.outbox_rows import confirmed, each_apart
from tests.ledger.raw_sql import on_postgresql, somebody_waits_for_us, waiting
from tests.processes import eventually

pytestmark = [pytest.mark.servers, on_postgresql, pytest.mark.usefixtures("own_database")]

HOUR = timedelta(hours=1)


def going_again(count):
    """The ids of so many stored messages that staff have had published again, in one batch."""
    message = Message(queue="credits.consume", name="credits.consume", body=b"{}")
    recorded = [
        record_message(queue=message.queue, message=message.as_text(), correlation_id="c", at=timezone.now())
        for _ in range(count)
    ]
    confirmed()
    assert again(limit=count, until=timezone.now()) == count
    return recorded


def again(*, limit, until):
    """Have up to `limit` rows published again."""
    return publish_again(since=until - HOUR, until=until, destinations=list(Destination), limit=limit)


def beside(work, *args, **kwargs):
    """Do it on a connection of a thread's own."""
    try:
        return work(*args, **kwargs)
    finally:
        connections["default"].close()


def again_at_once(first_limit, second_limit):
    """Two who have chosen the same rows, up to their limits, before either could move one; how many each has moved."""
    until = timezone.now()
    with ThreadPoolExecutor(2) as pool:
        with atomic():
            list(OutboxRow.objects.select_for_update())
            first = pool.submit(beside, again, limit=first_limit, until=until)
            eventually(somebody_waits_for_us, timeout_seconds=10)
            second = pool.submit(beside, again, limit=second_limit, until=until)
            eventually(lambda: waiting() == 2, timeout_seconds=10)
        return first.result(), second.result()


def test_a_message_is_parked_while_its_batch_is_taken_apart():
    sent, stuck = going_again(2)
    leased = lease_unpublished(limit=10)

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            OutboxBatch.objects.select_for_update().get(id=leased[0].batch_id)
            parking = pool.submit(beside, park_stuck, [stuck])
            eventually(somebody_waits_for_us, timeout_seconds=10)
            mark(leased, confirmed={sent}, error="no queue")  # a deadlock, had parking taken the row first
        parking.result()

    assert set(OutboxRow.objects.filter(batch__published_at=None).values_list("id", flat=True)) <= {stuck}
    assert not OutboxBatch.objects.filter(published_at=None, rows=None).exists()


def test_who_has_rows_published_again_takes_none_out_of_the_batch_of_another_who_has():
    going_again(3)
    confirmed()

    assert again_at_once(3, 1) == (3, 0)

    assert [(batch.size, batch.rows.count()) for batch in OutboxBatch.objects.filter(published_at=None)] == [(3, 3)]


def test_who_has_rows_published_again_goes_on_behind_those_that_another_has():
    first_ones, last = going_again(2), going_again(1)
    confirmed()

    assert again_at_once(2, 2) == (2, 1)

    unpublished = OutboxRow.objects.filter(batch__published_at=None)
    assert set(unpublished.values_list("id", flat=True)) == {*first_ones, *last}


def test_two_who_mark_the_same_batches_wait_for_each_other_in_turn(monkeypatch):
    one, other = going_again(2)
    each_apart()
    leased = lease_unpublished(limit=10)
    both = Barrier(2)
    marking = outbox._mark

    def together(counts):
        with suppress(BrokenBarrierError):
            both.wait(2)  # each has put off what failed, where nothing kept it from that
        return marking(counts)

    monkeypatch.setattr(outbox, "_mark", together)
    with ThreadPoolExecutor(2) as pool:
        marks = [pool.submit(beside, mark, leased, confirmed={id_}, error="no queue") for id_ in (one, other)]
        assert [each.exception() for each in marks] == [None, None]

    assert not OutboxRow.objects.filter(batch__published_at=None).exists()


def test_who_marks_batches_waits_for_the_first_before_it_holds_a_later_one():
    one, other = going_again(2)
    each_apart()
    leased = lease_unpublished(limit=10)
    first, second = sorted(OutboxBatch.objects.filter(published_at=None).values_list("id", flat=True))
    leased.sort(key=lambda row: row.batch_id, reverse=True)

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            OutboxBatch.objects.select_for_update().get(id=first)
            marking = pool.submit(beside, mark, leased, confirmed={one, other})
            eventually(somebody_waits_for_us, timeout_seconds=10)
            OutboxBatch.objects.select_for_update(nowait=True).get(id=second)
        marking.result()

    assert not OutboxRow.objects.filter(batch__published_at=None).exists()


def test_who_waits_to_mark_a_batch_leaves_it_as_another_has_marked_it_meanwhile():
    going_again(1)
    leased = lease_unpublished(limit=10)

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            batch = OutboxBatch.objects.select_for_update().get(id=leased[0].batch_id)
            marking = pool.submit(beside, mark, leased, confirmed={row.id for row in leased})
            eventually(somebody_waits_for_us, timeout_seconds=10)
            batch.published_at = earlier = timezone.now() - HOUR
            batch.save()
        marking.result()

    batch.refresh_from_db()
    assert batch.published_at == earlier
