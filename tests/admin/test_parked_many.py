"""Very many parked messages: each filter is answered by an index, and the list stays quick."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from ledger.models import ParkedMessage
from ledger.queries.parked import Wanted, parked_messages
from tests.admin.books import list_page, park_one, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

MANY = 10_500  # more than a window of the list
LONGEST_SECONDS = 3.0  # of a page on a busy machine; it takes a fifth of a second
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
MERCHANT = UUID("4384d9db-73eb-4e0c-a589-4fe65f65305c")


@pytest.fixture
def flooded():
    """A flood of messages that are no JSON, and before it one of another kind."""
    other = park_one(merchant_id=MERCHANT)
    ParkedMessage.objects.filter(pk=other.pk).update(name="credits.grant", queue="credits.grants", last_seen_at=NOW)
    flood = (
        ParkedMessage(
            fingerprint=f"poison-{number}",
            reason="not_json",
            queue="credits.consume",
            name="credits.consume",
            headers="{}",
            properties="{}",
            body="{" + "x" * 500,
            first_seen_at=NOW + timedelta(seconds=number),
            last_seen_at=NOW + timedelta(seconds=number),
        )
        for number in range(1, MANY + 1)
    )
    ParkedMessage.objects.bulk_create(flood, batch_size=2_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return ParkedMessage.objects.get(pk=other.pk)


WANTED = {
    "state": Wanted(state="parked"),
    "reason": Wanted(reason="invalid_field"),
    "queue": Wanted(queue="credits.grants"),
    "name": Wanted(name="credits.grant"),
    "merchant": Wanted(merchant=MERCHANT),
    "time": Wanted(since=NOW - timedelta(hours=1), until=NOW + timedelta(seconds=1)),
    "state and reason": Wanted(state="parked", reason="invalid_field"),
}


def test_each_filter_is_answered_by_an_index(flooded):
    for name, wanted in WANTED.items():
        plan = parked_messages(wanted)[:51].explain()

        assert "INDEX" in plan.upper(), (name, plan)
        assert "Seq Scan" not in plan, (name, plan)


def test_a_flood_is_looked_through_and_what_is_behind_it_found_quickly(superuser, flooded):
    for query in (
        {"reason": "invalid_field"},
        {"name": "credits.grant"},
        {"q": "credits.grants"},
        {"q": str(MERCHANT)},
    ):
        started = time.monotonic()
        found = rows_of(superuser.get(list_page(ParkedMessage, **query)))

        assert [row.pk for row in found] == [flooded.pk], query
        assert time.monotonic() - started < LONGEST_SECONDS, query

    for query in ({}, {"state": "parked"}, {"reason": "not_json"}, {"q": "credits.consume"}, {"p": "100"}):
        started = time.monotonic()
        response = superuser.get(list_page(ParkedMessage, **query))

        assert len(rows_of(response)) == 50, query
        assert time.monotonic() - started < LONGEST_SECONDS, query
