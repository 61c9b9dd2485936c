"""GET /api/credits/usage: sums per hour, day and month against a reading of all rows, whatever a zone's clocks do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.journal import post
from ledger.models import Account
from tests.api.histories import account_with, rows_of
from tests.api.shops import ask_for, refusal
from tests.api.test_due import wait_until
from tests.ledger.builders import consume, grant, opened_account, requests, reverse

KINDS = {"granted": "grant", "consumed": "consume", "expired": "expire"}
LABELS = {"hour": "%Y-%m-%d %H %z", "day": "%Y-%m-%d", "month": "%Y-%m"}
# Where clocks change by an hour, by half an hour, at midnight, and where a whole day was left out.
CHANGES = {
    "Europe/Paris": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "America/New_York": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "Australia/Lord_Howe": datetime(2026, 4, 4, 15, tzinfo=UTC),
    "America/Sao_Paulo": datetime(2018, 11, 4, 3, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 30, 10, tzinfo=UTC),
    "Asia/Kathmandu": datetime(2026, 1, 1, tzinfo=UTC),
    "UTC": datetime(2026, 1, 1, tzinfo=UTC),
}
SPANS = {"hour": timedelta(minutes=10), "day": timedelta(hours=5), "month": timedelta(days=6)}

rows = st.lists(
    st.tuples(st.integers(-30, 30), st.sampled_from(["grant", "grant", "consume", "expire"]), st.integers(1, 50)),
    max_size=25,
).map(sorted)


def asked(account: Account, **query: Any) -> Any:
    named = {"from": query.pop("from_"), **query}
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in named.items()}
    return ask_for(account, f"/api/credits/usage?{urlencode(values)}")


def buckets_of(account: Account, **query: Any) -> list[dict[str, Any]]:
    response = asked(account, **query)
    assert response.status_code == 200, response.content
    buckets: list[dict[str, Any]] = response.json()["data"]["buckets"]
    for bucket in buckets:
        bucket["from"], bucket["to"] = (datetime.fromisoformat(bucket[name]) for name in ("from", "to"))
    return buckets


class TestUsage(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        zone=st.sampled_from(list(CHANGES)),
        bucket=st.sampled_from(list(LABELS)),
        history=rows,
        begin=st.integers(-25, 5),
        length=st.integers(1, 25),
    )
    def test_every_bucket_is_what_its_rows_come_to(
        self, zone: str, bucket: str, history: Any, begin: int, length: int
    ) -> None:
        at = CHANGES[zone]
        unit = SPANS[bucket]
        account = account_with((at + when * unit, kind, amount) for when, kind, amount in history)
        start, end = at + begin * unit, at + (begin + length) * unit

        buckets = buckets_of(account, from_=start, to=end, bucket=bucket, tz=zone)

        assert (buckets[0]["from"], buckets[-1]["to"]) == (start, end)
        assert all(one["to"] == next_one["from"] for one, next_one in pairwise(buckets))
        for found in buckets:
            inside = [row for row in rows_of(account) if found["from"] <= row.created_at < found["to"]]
            for name, kind in KINDS.items():
                assert found[name] == sum(row.amount for row in inside if row.kind == kind), (name, found)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(zone=st.sampled_from(list(CHANGES)), bucket=st.sampled_from(list(LABELS)), begin=st.integers(-25, 5))
    def test_a_bucket_is_one_hour_day_or_month_of_the_zones_clocks(self, zone: str, bucket: str, begin: int) -> None:
        at = CHANGES[zone] + begin * SPANS[bucket]

        def label(instant: datetime) -> str:
            return instant.astimezone(ZoneInfo(zone)).strftime(LABELS[bucket])

        buckets = buckets_of(account_with([]), from_=at, to=at + 20 * SPANS[bucket], bucket=bucket, tz=zone)

        for found in buckets:
            instants = [found["from"] + n * (found["to"] - found["from"]) / 7 for n in range(7)]
            assert {label(instant) for instant in instants} == {label(found["from"])}
        assert all(label(one["from"]) != label(next_one["from"]) for one, next_one in pairwise(buckets))


@pytest.mark.django_db
def test_a_day_stands_for_its_midnight_in_the_zone() -> None:
    account = account_with([(datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "grant", 5)])

    (bucket,) = buckets_of(account, from_="2026-03-29", to="2026-03-30", tz="Europe/Paris")

    assert bucket["to"] - bucket["from"] == timedelta(hours=23)
    assert bucket["granted"] == 5


@pytest.mark.django_db
def test_a_reversal_is_taken_off_in_the_bucket_in_which_it_was_made() -> None:
    account = opened_account(credits_bought=100)
    begin = timezone.now() - timedelta(hours=1)
    used = consume(merchant_id=account.merchant_id, amount=30)
    post(requests(used))
    between = timezone.now()
    wait_until(between)
    post(requests(reverse((used.reference_type, used.reference_id), merchant_id=account.merchant_id, amount=10)))

    before = buckets_of(account, from_=begin, to=between, bucket="month")
    after = buckets_of(account, from_=between, bucket="month")

    assert sum(bucket["consumed"] for bucket in before) == 30
    assert sum(bucket["consumed"] for bucket in after) == -10


@pytest.mark.django_db
def test_what_has_fallen_due_and_is_not_posted_counts() -> None:
    account = opened_account(credits_bought=100)
    soon = timezone.now() + timedelta(seconds=0.3)
    post(requests(grant(merchant_id=account.merchant_id, amount=7, expires_at=soon)))
    wait_until(soon)

    found = buckets_of(account, from_=soon, bucket="month")

    assert sum(bucket["expired"] for bucket in found) == 7


@pytest.mark.django_db
def test_it_takes_the_same_few_queries_for_many_buckets_and_rows_as_for_few() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    taken = []
    for count in (3, 900):
        account = account_with((begin + n * timedelta(hours=1), "grant", 1) for n in range(count))
        with CaptureQueriesContext(connection) as queries:
            found = buckets_of(account, from_=begin, to=begin + count * timedelta(hours=1), bucket="hour")
        assert [bucket["granted"] for bucket in found] == [1] * count
        taken.append(len(queries))

    assert taken == [3, 3]


@pytest.mark.django_db
def test_days_that_are_over_are_read_once() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    account = account_with((begin + n * timedelta(days=1), "grant", 10) for n in range(9))
    asked = []
    for hours in (1, 2):
        with CaptureQueriesContext(connection) as queries:
            found = buckets_of(account, from_=begin, to=begin + timedelta(days=8, hours=hours))
        assert [bucket["granted"] for bucket in found] == [10] * 9
        (instants,) = [query["sql"] for query in queries if "nearest" in query["sql"]]
        asked.append(instants.count("2026-01-"))

    assert asked[0] - asked[1] == 8  # all cuts, and not the period's own ends


@pytest.mark.django_db
def test_a_day_behind_which_nothing_lies_yet_is_asked_for_anew() -> None:
    account = account_with([(datetime(2026, 1, 1, tzinfo=UTC), "grant", 10)])
    now = timezone.now()
    period = {"from_": now - timedelta(hours=1), "to": now + timedelta(hours=30), "bucket": "hour"}
    assert sum(bucket["granted"] for bucket in buckets_of(account, **period)) == 0

    post(requests(grant(merchant_id=account.merchant_id, amount=4)))

    (bucket,) = [bucket for bucket in buckets_of(account, **period) if bucket["granted"] == 4]
    assert bucket["from"] <= timezone.now()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ({}, "from", "Field required"),
        ({"from": "2026-01-31T12:00"}, "from", "RFC 3339"),
        ({"from": "2026-02-30"}, "from", "the calendar"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "to", "later than from"),
        ({"from": "2026-01-02", "to": "2026-01-02"}, "to", "later than from"),
        ({"from": "2026-01-01", "to": "2026-03-01", "bucket": "hour"}, "bucket", "more than 1000 buckets"),
        ({"from": "2026-01-01", "bucket": "week"}, "bucket", "'hour', 'day' or 'month'"),
        ({"from": "2026-01-01", "tz": "Mars/Olympus"}, "tz", "IANA"),
        ({"from": "2026-01-01", "tz": "../../etc/passwd"}, "tz", "IANA"),
    ],
)
def test_what_it_can_not_answer_is_refused_by_name(query: dict[str, str], field: str, message: str) -> None:
    account = opened_account()

    response = ask_for(account, f"/api/credits/usage?{urlencode(query)}")

    assert refusal(response) == (422, "VALIDATION_ERROR")
    (problem,) = response.json()["error"]["details"]["validation_errors"]
    assert problem["field"] == field
    assert message in problem["message"]
