"""The audit of alerts: what holds under any settings always, and the whole rule where the settings are known."""

import pytest

from ledger.journal import post
from tests.ledger.audited import ALWAYS, assert_books_are_right, assert_found, audit, corrupt, findings
from tests.ledger.books import story
from tests.ledger.builders import consume, opened_account, purchase, request, requests

pytestmark = pytest.mark.django_db
LOW = "evt.credits.low_balance.v1"
RECOVERED = "evt.credits.recovered.v1"


def ran_low_under(settings, *, threshold, alerts="crossing"):
    """An account that went from 100 to 50 and to 40 under those settings, its rows in order."""
    before = settings.LOW_BALANCE_THRESHOLD, settings.LOW_BALANCE_ALERTS
    settings.LOW_BALANCE_THRESHOLD, settings.LOW_BALANCE_ALERTS = threshold, alerts
    account = opened_account(credits_bought=100)
    ours = {"merchant_id": account.merchant_id}
    post(requests(consume(**ours, amount=50), consume(**ours, amount=10)))
    settings.LOW_BALANCE_THRESHOLD, settings.LOW_BALANCE_ALERTS = before
    return account, list(account.transactions.order_by("sequence"))


@pytest.mark.parametrize("armed", [True, False])
def test_an_account_that_is_not_armed_as_its_newest_alert_left_it_is_found(armed):
    told = story()
    account = told.account if not armed else opened_account(credits_bought=100)
    if armed:
        post([request(consume(merchant_id=account.merchant_id, amount=50))])

    corrupt(account, armed=armed)

    assert_found(account, "armed by its newest alert", expected=not armed, found=armed)


def test_a_new_account_that_is_not_armed_is_found():
    account = opened_account()

    corrupt(account, armed=False)

    assert_found(account, "armed by its newest alert", expected=True, found=False)


def test_a_recovery_without_a_fall_is_found_under_any_settings():
    account = opened_account(credits_bought=100)
    corrupt(account, armed=False)
    post([request(purchase(merchant_id=account.merchant_id))])
    row = account.transactions.get(sequence=2)

    assert_found(row, "alerts", expected="none", found=RECOVERED)
    assert findings("--merchant", str(account.merchant_id))


def test_a_fall_that_was_not_told_is_found_where_the_settings_are_known(settings):
    _, rows = ran_low_under(settings, threshold=10)

    assert_found(rows[1], "alerts", expected=LOW, found="none")


def test_a_fall_below_todays_threshold_may_have_been_none_under_yesterdays(settings):
    ran_low_under(settings, threshold=10)

    code, _ = audit()

    assert code == 0


def test_settings_known_since_later_say_nothing_of_earlier_rows(settings):
    ran_low_under(settings, threshold=10)

    code, _ = audit("--alerts-since", "2999-01-01T00:00:00+00:00")

    assert code == 0


def test_a_fall_told_under_a_higher_threshold_is_found_where_the_settings_are_known(settings):
    settings.LOW_BALANCE_THRESHOLD = 10
    _, rows = ran_low_under(settings, threshold=100)

    assert_found(rows[1], "alerts", expected="none", found=LOW)
    assert audit()[0] == 0


def test_a_recovery_that_was_not_told_is_found_where_the_settings_are_known(settings):
    account, _ = ran_low_under(settings, threshold=100)
    settings.LOW_BALANCE_THRESHOLD = 1000
    post([request(purchase(merchant_id=account.merchant_id, credits=100))])
    settings.LOW_BALANCE_THRESHOLD = 100
    row = account.transactions.get(sequence=4)

    assert_found(row, "alerts", expected=RECOVERED, found="none")
    assert audit()[0] == 0


def test_every_consumption_below_the_threshold_is_told_where_the_settings_say_so(settings):
    settings.LOW_BALANCE_ALERTS = "every"
    ran_low_under(settings, threshold=100, alerts="every")

    assert_books_are_right()


def test_a_second_alert_of_one_fall_is_found_where_only_the_fall_is_told(settings):
    _, rows = ran_low_under(settings, threshold=100, alerts="every")

    assert_found(rows[2], "alerts", expected="none", found=LOW)
    assert audit()[0] == 0


def test_an_alert_of_one_fall_is_missed_where_every_consumption_is_told(settings):
    _, rows = ran_low_under(settings, threshold=100)
    settings.LOW_BALANCE_ALERTS = "every"

    assert_found(rows[2], "alerts", expected=LOW, found="none")


def test_one_missing_alert_names_one_row(settings):
    ran_low_under(settings, threshold=10)

    lines = [line for line in findings(*ALWAYS) if ": alerts: " in line]

    assert len(lines) == 1
