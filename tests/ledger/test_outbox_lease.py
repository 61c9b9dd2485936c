"""The outbox: a batch is leased to one publisher at a time, and is marked only once all of it is published."""

from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from ledger import dialect
from ledger.journal import outbox, post
from ledger.journal.outbox import FIRST_LEASE, LEASE, lease_unpublished, mark, record_message
from ledger.journal.outbox_upkeep import prune_published
from ledger.messages import Message
from ledger.models import OutboxBatch, OutboxRow
from tests.ledger.builders import consume, grant, opened_account, requests
from tests.ledger.outbox_rows import confirmed, each_apart, refused, to_publish


def recorded(count: int) -> list[OutboxRow]:
    """So many rows, each in a batch of its own, that nobody has published in time, the oldest first."""
    merchant_id = opened_account().merchant_id
    post(requests(*(grant(merchant_id=merchant_id) for _ in range(count))))
    each_apart()
    rows = list(OutboxRow.objects.order_by("account_sequence"))
    for age, row in enumerate(reversed(rows), 1):
        row.batch.publish_after = timezone.now() - timedelta(minutes=age)
        row.batch.save()
    return rows


def recorded_together(count: int) -> list[OutboxRow]:
    """So many rows of one batch that nobody has published in time."""
    before = set(OutboxRow.objects.values_list("id", flat=True))
    merchant_id = opened_account().merchant_id
    post(requests(*(grant(merchant_id=merchant_id) for _ in range(count))))
    rows = list(OutboxRow.objects.exclude(id__in=before).order_by("account_sequence"))
    OutboxBatch.objects.filter(rows__in=rows).update(publish_after=timezone.now() - timedelta(minutes=1))
    return rows


def ids(rows) -> set:
    return {row.id for row in rows}


def unpublished() -> set:
    return set(OutboxRow.objects.filter(batch__published_at=None).values_list("id", flat=True))


@pytest.mark.django_db
def test_a_new_row_belongs_to_the_worker_that_wrote_it():
    opened_account(credits_bought=10)

    assert lease_unpublished(limit=10) == []

    row = OutboxRow.objects.get()
    batch = row.batch
    assert batch.publish_after == row.created_at + FIRST_LEASE
    assert (batch.published_at, batch.attempts, batch.last_error, row.unrouted) == (None, 0, "", False)


@pytest.mark.django_db
def test_what_is_recorded_together_is_one_batch_for_each_destination():
    merchant_id = opened_account(credits_bought=100).merchant_id
    before = set(OutboxBatch.objects.values_list("id", flat=True))

    post(requests(*(consume(merchant_id=merchant_id, amount=50) for _ in range(2))))

    batches = OutboxBatch.objects.exclude(id__in=before).order_by("destination")
    assert [(batch.destination, batch.size) for batch in batches] == [("event", 2), ("task", 2)]
    for batch in batches:
        assert {row.destination for row in batch.rows.all()} == {batch.destination}
        assert batch.rows.count() == batch.size


@pytest.mark.django_db
def test_a_lease_from_before_the_clock_was_put_back_counts_for_nothing():
    (row,) = recorded(1)
    OutboxBatch.objects.update(publish_after=timezone.now() + timedelta(hours=1))

    assert ids(lease_unpublished(limit=10)) == {row.id}
    assert lease_unpublished(limit=10) == []


@pytest.mark.django_db
def test_a_sweep_that_read_the_clock_before_another_one_leased_takes_nothing_from_it(monkeypatch):
    rows, read_at = recorded(2), timezone.now()
    while timezone.now() <= read_at:
        pass
    assert ids(lease_unpublished(limit=10)) == ids(rows)

    monkeypatch.setattr(type(dialect.current()), "clock", lambda self: read_at)

    assert lease_unpublished(limit=10) == []


@pytest.mark.django_db
@pytest.mark.parametrize("record", [recorded, recorded_together])
def test_a_row_that_was_not_published_in_time_is_leased_once(record):
    rows = record(2)
    before = timezone.now()

    leased = lease_unpublished(limit=10)

    assert ids(leased) == ids(rows)
    assert [row.body for row in leased] == [OutboxRow.objects.get(id=row.id).body for row in leased]
    assert lease_unpublished(limit=10) == []
    for batch in OutboxBatch.objects.all():
        assert before + LEASE <= batch.publish_after <= timezone.now() + LEASE
        assert batch.attempts == 1


@pytest.mark.django_db
def test_a_row_older_than_one_that_is_published_already_is_leased_all_the_same():
    committed_late, published = recorded(2)
    confirmed([published])

    assert ids(lease_unpublished(limit=10)) == {committed_late.id}


@pytest.mark.servers
def test_batches_that_another_transaction_holds_hold_up_no_sweep(own_database):
    held, free = recorded(2)

    with closing(psycopg2.connect(own_database)) as other, other.cursor() as cursor, connection.cursor() as ours:
        cursor.execute("SELECT id FROM credit_outbox_batches WHERE id = %s FOR UPDATE", [str(held.batch_id)])
        ours.execute("SET lock_timeout = '1s'")
        leased = lease_unpublished(limit=10)

    assert ids(leased) == {free.id}


@pytest.mark.django_db
def test_the_oldest_are_leased_first_and_no_more_than_asked_for():
    rows = recorded(3)

    assert ids(lease_unpublished(limit=2)) == ids(rows[:2])
    assert ids(lease_unpublished(limit=2)) == ids(rows[2:])


@pytest.mark.django_db
def test_those_whose_time_came_first_are_leased_first_whenever_they_were_recorded():
    early, late = recorded(2)
    OutboxBatch.objects.filter(id=early.batch_id).update(publish_after=timezone.now())

    assert ids(lease_unpublished(limit=1)) == {late.id}


@pytest.mark.django_db
def test_no_batch_has_more_rows_than_the_sweep_takes_at_a_time(monkeypatch):
    monkeypatch.setattr("ledger.journal.write.LARGEST_BATCH", 2)
    recorded_together(5)

    assert sorted(OutboxBatch.objects.values_list("size", flat=True)) == [1, 2, 2]
    assert [len(lease_unpublished(limit=3)) for _ in range(3)] in ([2, 3, 0], [3, 2, 0])


@pytest.mark.django_db
def test_a_batch_larger_than_asked_for_is_leased_alone():
    first, second = recorded_together(3), recorded_together(3)

    assert ids(lease_unpublished(limit=2)) == ids(first)
    assert ids(lease_unpublished(limit=2)) == ids(second)


@pytest.mark.django_db
def test_a_lease_that_has_ended_is_given_again():
    recorded(1)
    lease_unpublished(limit=1)
    OutboxBatch.objects.update(publish_after=timezone.now())

    assert len(lease_unpublished(limit=1)) == 1
    assert OutboxBatch.objects.get().attempts == 2


@pytest.mark.django_db
def test_a_published_row_is_never_leased_again():
    published, unrouted, other = recorded(3)

    confirmed([published, unrouted], unrouted=[unrouted.id])

    assert ids(lease_unpublished(limit=10)) == {other.id}
    for row in (published, unrouted, other):
        row.refresh_from_db()
    assert [row.batch.published_at is not None for row in (published, unrouted, other)] == [True, True, False]
    assert [row.unrouted for row in (published, unrouted, other)] == [False, True, False]


@pytest.mark.django_db
def test_marking_nothing_changes_nothing():
    recorded(1)

    mark([], confirmed=())

    batch = OutboxBatch.objects.get()
    assert (batch.published_at, batch.last_error) == (None, "")


@pytest.mark.django_db
def test_a_batch_that_is_told_is_marked_as_a_whole():
    told, other = recorded_together(3), recorded_together(2)

    confirmed(told)

    assert unpublished() == ids(other)


@pytest.mark.django_db
def test_what_was_not_confirmed_of_a_batch_is_tried_again_alone():
    rows = recorded_together(4)
    lease_unpublished(limit=10)
    before = OutboxBatch.objects.get()
    failed = rows[1:3]

    mark(to_publish(), confirmed=ids(rows) - ids(failed), error="the broker refused it")

    assert unpublished() == ids(failed)
    (apart,) = OutboxBatch.objects.filter(published_at=None)
    assert (apart.size, apart.last_error, apart.attempts) == (2, "the broker refused it", 1)
    assert (apart.destination, apart.publish_after) == (before.destination, before.publish_after)
    before.refresh_from_db()
    assert (before.size, before.last_error) == (2, "")
    OutboxBatch.objects.update(publish_after=timezone.now())
    assert ids(lease_unpublished(limit=10)) == ids(failed)
    confirmed()
    assert unpublished() == set()


@pytest.mark.django_db
def test_a_batch_of_which_rows_are_missing_is_not_marked():
    rows = recorded_together(3)

    mark(to_publish(rows[:2]), confirmed=ids(rows[:2]))

    assert unpublished() == ids(rows)


@pytest.mark.django_db
def test_what_another_has_published_meanwhile_stays_published():
    rows = recorded_together(3)
    late = to_publish()
    confirmed()

    mark(late, confirmed=ids(rows[:1]), error="not confirmed")

    assert unpublished() == set()
    assert OutboxBatch.objects.get().last_error == ""


@pytest.mark.django_db
@pytest.mark.parametrize("nobody_listened", [False, True])
def test_who_is_late_marks_nothing_that_another_has_marked(nobody_listened):
    rows = recorded_together(2)
    late = to_publish()
    confirmed()
    first = OutboxBatch.objects.get().published_at

    mark(late, confirmed=ids(rows), unrouted=ids(rows) if nobody_listened else ())

    assert OutboxBatch.objects.get().published_at == first
    assert not OutboxRow.objects.filter(unrouted=True).exists()


@pytest.mark.django_db
def test_what_another_has_put_apart_meanwhile_stays_where_it_is():
    rows = recorded_together(3)
    leased = lease_unpublished(limit=10)
    apart = OutboxBatch.objects.create(destination="event", size=1, publish_after=timezone.now())
    OutboxRow.objects.filter(id=rows[2].id).update(batch=apart)
    OutboxBatch.objects.filter(id=leased[0].batch_id).update(size=2)

    mark(leased, confirmed=ids(rows[:2]), error="not confirmed")

    assert unpublished() == {rows[2].id}
    assert list(OutboxBatch.objects.filter(published_at=None)) == [apart]


@pytest.mark.django_db
def test_a_batch_that_all_rows_have_left_goes():
    OutboxBatch.objects.create(destination="event", size=1, publish_after=timezone.now())

    assert lease_unpublished(limit=10) == []

    assert not OutboxBatch.objects.exists()


@pytest.mark.django_db
def test_that_nobody_listened_is_said_only_of_what_was_marked():
    rows = recorded_together(2)

    mark(to_publish(rows[:1]), confirmed=ids(rows[:1]), unrouted=ids(rows[:1]))

    assert unpublished() == ids(rows)
    assert not OutboxRow.objects.filter(unrouted=True).exists()


@pytest.mark.django_db
def test_where_nothing_can_be_marked_nothing_is_put_apart(monkeypatch):
    rows = recorded_together(3)

    def fail(*_):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(outbox, "_mark", fail)
    with pytest.raises(OperationalError):
        mark(to_publish(), confirmed=ids(rows[:2]), error="not confirmed")

    assert OutboxBatch.objects.get().size == 3


@pytest.mark.django_db
def test_a_row_that_could_not_be_published_says_why_and_stays():
    failed, other = recorded(2)

    refused([failed], error="x" * 600)

    assert ids(lease_unpublished(limit=10)) == {failed.id, other.id}
    failed.refresh_from_db()
    assert failed.batch.last_error == "x" * 500
    assert failed.batch.published_at is None


@pytest.mark.django_db
def test_only_rows_published_long_ago_are_pruned_the_oldest_first_and_no_more_than_asked_for():
    rows = recorded(5)
    now = timezone.now()
    for row, days in zip(rows, (9, 9, 9, 1, None), strict=True):
        row.batch.published_at = now - timedelta(days=days) if days else None
        row.batch.save()

    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 2
    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 1
    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 0

    assert ids(OutboxRow.objects.all()) == ids(rows[3:])
    assert OutboxBatch.objects.count() == 2


@pytest.mark.django_db
def test_a_batch_is_pruned_as_a_whole():
    recorded_together(3)
    recorded_together(3)
    confirmed()
    OutboxBatch.objects.update(published_at=timezone.now() - timedelta(days=9))

    assert prune_published(older_than=timezone.now(), limit=2) == 3
    assert prune_published(older_than=timezone.now(), limit=2) == 3
    assert not OutboxRow.objects.exists()
    assert not OutboxBatch.objects.exists()


@pytest.mark.django_db
def test_a_message_that_is_sent_again_can_be_leased_at_once():
    message = Message(queue="credits.grants", name="credits.grant", body=b"[]")

    row_id = record_message(
        queue="credits.grants", message=message.as_text(), correlation_id="story-1", at=timezone.now()
    )

    (leased,) = lease_unpublished(limit=10)
    assert (leased.id, leased.destination, leased.name) == (row_id, "message", "credits.grants")
    assert Message.from_text(leased.body) == message
