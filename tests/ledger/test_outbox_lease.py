"""The outbox: a row is leased to one publisher at a time, and leaves it only once it is published."""

from contextlib import closing
from datetime import timedelta
from uuid import uuid4

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone

from ledger import dialect
from ledger.journal import post
from ledger.journal.outbox import (
    FIRST_LEASE,
    LEASE,
    lease_unpublished,
    mark_failed,
    mark_published,
    prune_published,
    record_message,
)
from ledger.messages import Message
from ledger.models import OutboxRow
from tests.ledger.builders import grant, opened_account, requests


def recorded(count: int) -> list[OutboxRow]:
    """So many rows that nobody has published in time, the oldest first."""
    merchant_id = opened_account().merchant_id
    post(requests(*(grant(merchant_id=merchant_id) for _ in range(count))))
    rows = list(OutboxRow.objects.order_by("account_sequence"))
    for age, row in enumerate(reversed(rows), 1):
        row.publish_after = timezone.now() - timedelta(minutes=age)
        row.save()
    return rows


def ids(rows) -> set:
    return {row.id for row in rows}


@pytest.mark.django_db
def test_a_new_row_belongs_to_the_worker_that_wrote_it():
    opened_account(credits_bought=10)

    assert lease_unpublished(limit=10) == []

    row = OutboxRow.objects.get()
    assert row.publish_after == row.created_at + FIRST_LEASE
    assert (row.published_at, row.unrouted, row.attempts, row.last_error) == (None, False, 0, "")


@pytest.mark.django_db
def test_a_lease_from_before_the_clock_was_put_back_counts_for_nothing():
    (row,) = recorded(1)
    row.publish_after = timezone.now() + timedelta(hours=1)
    row.save()

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
def test_a_row_that_was_not_published_in_time_is_leased_once():
    rows = recorded(2)
    before = timezone.now()

    leased = lease_unpublished(limit=10)

    assert ids(leased) == ids(rows)
    assert [row.body for row in leased] == [OutboxRow.objects.get(id=row.id).body for row in leased]
    assert lease_unpublished(limit=10) == []
    for row in OutboxRow.objects.all():
        assert before + LEASE <= row.publish_after <= timezone.now() + LEASE
        assert row.attempts == 1


@pytest.mark.django_db
def test_a_row_older_than_one_that_is_published_already_is_leased_all_the_same():
    committed_late, published = recorded(2)
    mark_published([published.id])

    assert ids(lease_unpublished(limit=10)) == {committed_late.id}


@pytest.mark.servers
def test_rows_that_another_transaction_holds_hold_up_no_sweep(own_database):
    held, free = recorded(2)

    with closing(psycopg2.connect(own_database)) as other, other.cursor() as cursor, connection.cursor() as ours:
        cursor.execute("SELECT id FROM credit_outbox WHERE id = %s FOR UPDATE", [str(held.id)])
        ours.execute("SET lock_timeout = '1s'")
        leased = lease_unpublished(limit=10)

    assert ids(leased) == {free.id}


@pytest.mark.django_db
def test_the_oldest_are_leased_first_and_no_more_than_asked_for():
    rows = recorded(3)

    assert ids(lease_unpublished(limit=2)) == ids(rows[:2])
    assert ids(lease_unpublished(limit=2)) == ids(rows[2:])


@pytest.mark.django_db
def test_a_lease_that_has_ended_is_given_again():
    recorded(1)
    lease_unpublished(limit=1)
    OutboxRow.objects.update(publish_after=timezone.now())

    assert len(lease_unpublished(limit=1)) == 1
    assert OutboxRow.objects.get().attempts == 2


@pytest.mark.django_db
def test_a_published_row_is_never_leased_again():
    published, unrouted, other = recorded(3)

    mark_published([published.id, unrouted.id], unrouted=[unrouted.id])

    assert ids(lease_unpublished(limit=10)) == {other.id}
    for row in (published, unrouted, other):
        row.refresh_from_db()
    assert [row.published_at is not None for row in (published, unrouted, other)] == [True, True, False]
    assert [row.unrouted for row in (published, unrouted, other)] == [False, True, False]


@pytest.mark.django_db
def test_marking_nothing_or_what_is_not_there_changes_nothing():
    recorded(1)

    mark_published([])
    mark_published([uuid4()])
    mark_failed([uuid4()], error="the broker refused it")

    row = OutboxRow.objects.get()
    assert (row.published_at, row.last_error) == (None, "")


@pytest.mark.django_db
def test_a_row_that_could_not_be_published_says_why_and_stays():
    failed, other = recorded(2)

    mark_failed([failed.id], error="x" * 600)

    assert ids(lease_unpublished(limit=10)) == {failed.id, other.id}
    failed.refresh_from_db()
    assert failed.last_error == "x" * 500
    assert failed.published_at is None


@pytest.mark.django_db
def test_only_rows_published_long_ago_are_pruned_the_oldest_first_and_no_more_than_asked_for():
    rows = recorded(5)
    now = timezone.now()
    for row, days in zip(rows, (9, 9, 9, 1, None), strict=True):
        row.published_at = now - timedelta(days=days) if days else None
        row.save()

    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 2
    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 1
    assert prune_published(older_than=now - timedelta(days=7), limit=2) == 0

    assert ids(OutboxRow.objects.all()) == ids(rows[3:])


@pytest.mark.django_db
def test_a_message_that_is_sent_again_can_be_leased_at_once():
    message = Message(queue="credits.grants", name="credits.grant", body=b"[]")

    row_id = record_message(
        queue="credits.grants", message=message.as_text(), correlation_id="story-1", at=timezone.now()
    )

    (leased,) = lease_unpublished(limit=10)
    assert (leased.id, leased.destination, leased.name) == (row_id, "message", "credits.grants")
    assert Message.from_text(leased.body) == message
