"""GET /api/credits/balance?at=: how the account stood at any instant, against a reading of all of its rows."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.journal import post
from ledger.journal.post import post_batch
from ledger.models import Account
from ledger.queries.moments import NEAREST_ROWS
from tests.api.histories import account_with, rows_of
from tests.api.shops import ask_for, refusal
from tests.api.test_due import wait_until
from tests.ledger.builders import consume, grant, opened_account, requests

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FIGURES = ("balance", "total_granted", "total_consumed", "total_expired")

moments = st.integers(0, 40).map(lambda ticks: BEGIN + ticks * TICK)
histories = st.lists(
    st.tuples(moments, st.sampled_from(["grant", "grant", "consume", "expire"]), st.integers(1, 50)), max_size=30
).map(lambda rows: sorted(rows, key=lambda row: row[0]))


def stood_at(account: Account, at: datetime) -> dict[str, Any]:
    response = ask_for(account, f"/api/credits/balance?{urlencode({'at': at.isoformat()})}")
    assert response.status_code == 200, response.content
    data: dict[str, Any] = response.json()["data"]
    return data


def read_from_all_rows(account: Account, at: datetime) -> dict[str, int]:
    earlier = [row for row in rows_of(account) if row.created_at <= at]
    if not earlier:
        return {**dict.fromkeys(FIGURES, 0), "transactions": 0}
    newest = earlier[-1]
    return {"balance": newest.balance_after, **{name: getattr(newest, name) for name in FIGURES[1:]},
            "transactions": len(earlier)}  # fmt: skip


class TestBalanceAt(TestCase):
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(history=histories, instants=st.lists(moments, min_size=1, max_size=6))
    def test_it_is_what_all_rows_up_to_then_come_to(self, history: Any, instants: list[datetime]) -> None:
        account = account_with(history)

        for at in (*instants, BEGIN - TICK, BEGIN + 41 * TICK):
            data = stood_at(account, at)
            assert datetime.fromisoformat(data.pop("at")) == at
            assert data == read_from_all_rows(account, at)


@pytest.mark.django_db
def test_it_takes_the_same_few_queries_for_a_long_history_as_for_a_short_one() -> None:
    taken = []
    for rows in (3, 3000):
        account = account_with((BEGIN + n * TICK, "grant", 1) for n in range(rows))
        ask_for(account)  # prepares, once a connection, what finds the account
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert stood_at(account, BEGIN + 1 * TICK)["balance"] == 2
        taken.append(len(queries))

    assert taken == [3, 3]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("between", "balance"),
    [
        pytest.param([("grant", 1)] * (NEAREST_ROWS + 1), 3 + NEAREST_ROWS, id="posted at one moment"),
        pytest.param([("consume", 50)] * (NEAREST_ROWS + 1), 2, id="declined"),
    ],
)
def test_more_rows_just_before_an_instant_than_are_looked_at_change_nothing(
    between: list[tuple[str, int]], balance: int
) -> None:
    begun = [(BEGIN, "grant", 1), (BEGIN + TICK, "grant", 1)]
    account = account_with([*begun, *((BEGIN + 2 * TICK, kind, amount) for kind, amount in between)])

    stood = [stood_at(account, at)["balance"] for at in (BEGIN, BEGIN + TICK, BEGIN + 2 * TICK, BEGIN + 9 * TICK)]

    assert stood == [1, 2, balance, balance]


@pytest.mark.django_db
def test_what_had_fallen_due_by_then_counts_before_anybody_has_posted_it() -> None:
    account = opened_account(credits_bought=100)
    ours = {"merchant_id": account.merchant_id}
    soon = timezone.now() + timedelta(seconds=0.4)
    post(requests(grant(**ours, amount=7, expires_at=soon), grant(**ours, amount=50, effective_at=soon + 2 * TICK)))
    wait_until(soon + timedelta(milliseconds=20))

    def figures() -> list[list[int]]:
        return [[stood_at(account, at)[name] for name in FIGURES]
                for at in (soon - TICK, soon, soon + TICK, soon + 2 * TICK)]  # fmt: skip

    unposted = figures()
    assert unposted == [[107, 107, 0, 0], [100, 107, 0, 7], [100, 107, 0, 7], [150, 157, 0, 7]]
    post_batch([], merchants=[account.merchant_id])
    post(requests(consume(**ours, amount=150)))
    assert figures() == unposted


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "message"),
    [
        (None, "Field required"),
        ("", "RFC 3339"),
        ("yesterday", "RFC 3339"),
        ("2026-01-31", "RFC 3339"),
        ("2026-01-31T12:00:00", "RFC 3339"),
        ("2026-02-30T12:00:00Z", "the calendar"),
        ("0001-01-01T00:00:00+14:00", "1970 to 9998"),
        ("9998-01-01T00:00:00Z", "must not lie in the future"),
    ],
)
def test_a_moment_that_is_none_or_still_to_come_is_refused_by_name(at: str | None, message: str) -> None:
    account = opened_account()

    response = ask_for(account, "/api/credits/balance" + ("" if at is None else f"?{urlencode({'at': at})}"))

    assert refusal(response) == (422, "VALIDATION_ERROR")
    (problem,) = response.json()["error"]["details"]["validation_errors"]
    assert problem["field"] == "at"
    assert message in problem["message"]


@pytest.mark.django_db
def test_a_plus_sign_that_nobody_encoded_is_understood() -> None:
    account = account_with([(BEGIN, "grant", 5)])

    response = ask_for(account, "/api/credits/balance?at=2026-01-01T01:00:00+01:00")

    assert response.json()["data"]["balance"] == 5
