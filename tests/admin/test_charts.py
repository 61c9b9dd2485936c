"""The charts: a balance over time, drawn at few moments of a long history, and how many were posted each minute."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger.admin.chart import balance_chart, pace_chart
from ledger.journal import post
from ledger.models import Account, Transaction
from ledger.queries import pace
from ledger.queries.balance_over_time import POINTS, Point, balance_over_time
from ledger.queries.pace import MINUTES, posted_per_minute
from tests.admin.conftest import SignIn
from tests.api.histories import account_with, rows_of
from tests.ledger.builders import consume, opened_account, purchase, requests

pytestmark = pytest.mark.django_db

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def over_time(account: Account) -> list[Point]:
    """The account's balance over time, by few statements however long its history is."""
    with CaptureQueriesContext(connection) as queries:
        points = balance_over_time(account)
    assert len(queries) <= (1 if account.sequence <= POINTS else 4)
    return points


@pytest.mark.parametrize("rows", [1, 2, POINTS])
def test_a_short_history_is_drawn_transaction_by_transaction(rows: int) -> None:
    account = account_with((BEGIN + timedelta(minutes=n), "grant", n + 1) for n in range(rows))

    points = over_time(account)

    assert points == [Point(row.created_at, row.balance_after) for row in rows_of(account)]
    assert points[0].at == BEGIN
    assert len(points) == rows


def test_a_long_history_is_drawn_as_it_stood_at_moments_evenly_spread_in_time() -> None:
    bursts = [timedelta(seconds=n) for n in range(100)] + [timedelta(days=9, seconds=n) for n in range(100)]
    account = account_with((BEGIN + after, "grant", 1) for after in bursts)

    points = over_time(account)

    assert len(points) == POINTS
    assert {point.balance for point in points} == {1, 100, 200}  # and not a slope from one burst to the next
    assert (points[0].at, points[-1].at) == (BEGIN, BEGIN + bursts[-1])


def test_what_was_posted_at_a_moment_that_is_drawn_counts() -> None:
    account = account_with((BEGIN + timedelta(minutes=n), "grant", 1) for n in range(2 * POINTS - 1))

    points = over_time(account)

    assert points == [Point(BEGIN + timedelta(minutes=2 * n), 2 * n + 1) for n in range(POINTS)]


LOW, HIGH = BEGIN + timedelta(minutes=30, seconds=20), BEGIN + timedelta(minutes=70, seconds=20)


def with_a_short_low_and_high() -> Account:
    """An account at 50 and 51 each minute of two hours, but for a moment at 0 and a moment at 500."""
    each_minute = [
        (BEGIN + timedelta(minutes=n), *(("consume", 1) if n % 2 else ("grant", 1 if n else 51))) for n in range(121)
    ]
    short = [
        (LOW, "consume", 51),
        (LOW + timedelta(seconds=1), "grant", 51),
        (HIGH, "grant", 449),
        (HIGH + timedelta(seconds=1), "consume", 449),
    ]
    return account_with(sorted(each_minute + short))


def test_a_balance_that_was_out_for_a_moment_between_those_that_are_drawn_is_drawn_too() -> None:
    account = with_a_short_low_and_high()

    points = over_time(account)

    assert [point for point in points if point.balance not in (50, 51)] == [Point(LOW, 0), Point(HIGH, 500)]
    assert len(points) == POINTS + 2
    assert points == sorted(points, key=lambda point: point.at)


def test_a_low_is_looked_for_among_so_many_of_the_newest_transactions_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ledger.queries.balance_over_time.LOOKED_THROUGH", 60)
    account = with_a_short_low_and_high()

    points = over_time(account)

    assert [point for point in points if point.balance not in (50, 51)] == [Point(HIGH, 500)]


def test_an_accounts_page_says_that_its_balance_was_out_for_a_moment(superuser: Client) -> None:
    account = with_a_short_low_and_high()

    page = superuser.get(f"/admin/ledger/account/{account.id}/change/").content.decode()

    assert "between 0 and 500 over all its 125 transactions, drawn at 62 moments." in page


def test_an_account_without_transactions_has_no_chart() -> None:
    assert over_time(opened_account()) == []
    assert balance_chart([], transactions=0) is None


def test_a_chart_is_drawn_in_steps_and_says_in_words_what_it_shows() -> None:
    points = [Point(BEGIN, 100), Point(BEGIN + timedelta(hours=1), 50), Point(BEGIN + timedelta(hours=2), 200)]

    chart = balance_chart(points, transactions=3)

    assert chart is not None
    assert chart.line == "M0.0,60.0H300.0V90.0H600.0V0.0H600"
    assert chart.words == (
        "200 credits since 2026-01-01 02:00:00.000; between 50 and 200 after each of its 3 transactions."
    )
    of_many = balance_chart(points, transactions=3000)
    assert of_many is not None
    assert of_many.words.endswith("between 50 and 200 over all its 3,000 transactions, drawn at 3 moments.")
    of_very_many = balance_chart(points, transactions=20_000)
    assert of_very_many is not None
    assert of_very_many.words.endswith(
        "between 50 and 200 over its newest 10,000 transactions, of 20,000 in all, and at the 3 moments drawn."
    )
    of_one = balance_chart(points[:1], transactions=1)
    assert of_one is not None
    assert of_one.words.endswith("between 100 and 100 after its only transaction.")


def test_what_was_posted_is_counted_by_the_minute_of_its_posting() -> None:
    account = opened_account(credits_bought=5)
    post(requests(*(consume(merchant_id=account.merchant_id, amount=2) for _ in range(4))))
    posted_at = datetime.now(UTC)

    now = posted_per_minute(posted_at)
    later = posted_per_minute(posted_at + timedelta(minutes=MINUTES - 2))
    too_late = posted_per_minute(posted_at + timedelta(minutes=MINUTES + 1))

    assert (len(now), sum(now), sum(now[-2:])) == (MINUTES, 3, 3)  # two were declined
    assert (sum(later), sum(later[:3])) == (3, 3)
    assert sum(too_late) == 0


def test_a_busy_minute_is_counted_up_to_a_bound_by_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "COUNTED_UP_TO", 5)
    account = opened_account()
    post(requests(*(purchase(merchant_id=account.merchant_id) for _ in range(12))))

    with CaptureQueriesContext(connection) as queries:
        counts = posted_per_minute(datetime.now(UTC))

    assert len(queries) == 1
    assert max(counts) == 5


def test_bars_are_as_high_as_their_counts() -> None:
    chart = pace_chart([0, 5, 10])

    assert [(y, height) for _, y, _, height in chart.bars] == [(60.0, 60.0), (0.0, 120.0)]
    assert chart.words == "15 in 3 minutes, 10 in the busiest one."


def test_an_accounts_page_draws_its_balance_and_tells_its_alerts(superuser: Client) -> None:
    account = opened_account(credits_bought=120)
    post(requests(consume(merchant_id=account.merchant_id, amount=120)))

    page = superuser.get(f"/admin/ledger/account/{account.id}/change/").content.decode()

    assert 'aria-label="0 credits since' in page
    assert "Alerts told" in page
    assert page.count("evt.credits.exhausted.v1") == 2  # among the alerts, and among the newest events


def test_nobody_is_drawn_what_they_may_not_see(staff_with: SignIn) -> None:
    account = opened_account(credits_bought=120)
    client = staff_with("view_account")

    pages = [
        client.get(address).content.decode() for address in ("/admin/", f"/admin/ledger/account/{account.id}/change/")
    ]

    assert not any('<svg viewBox="0 -4' in page for page in pages)
    assert Transaction.objects.count() == 1


def test_the_first_page_shows_the_pace_and_how_many_accounts_are_frozen(superuser: Client) -> None:
    account = opened_account(credits_bought=120)
    type(account).objects.filter(id=account.id).update(frozen=True)

    page = superuser.get("/admin/").content.decode()

    assert "1 in 60 minutes, 1 in the busiest one." in page
    assert "/admin/ledger/account/?frozen=yes" in page
    assert "Frozen accounts" in page


def test_the_first_page_takes_the_same_queries_whatever_there_is(superuser: Client) -> None:
    taken = []
    for more in (3, 60):
        for _ in range(more):
            opened_account(credits_bought=5)
        with CaptureQueriesContext(connection) as queries:
            superuser.get("/admin/")
        taken.append(len(queries))

    assert taken[0] == taken[1]
