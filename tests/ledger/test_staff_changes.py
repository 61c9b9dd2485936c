"""Changes of an account that move no credits: what they do, and that who made them stays readable."""

import pytest

from ledger.errors import Refused
from ledger.journal import post
from ledger.models import Account, AccountChange, OutboxRow
from ledger.outcomes import Status
from ledger.staff import freeze, move_shop, set_threshold, thaw
from tests.ledger.builders import (
    capture,
    change_shop,
    consume,
    fresh,
    grant,
    hold,
    opened_account,
    purchase,
    release,
    requests,
    reverse,
)
from tests.ledger.staffing import adjusted

pytestmark = pytest.mark.django_db

ANNA = {"actor": "anna", "reason": "the owner wrote to us"}


def log_of(account):
    return list(account.changes.order_by("id").values_list("what", "before", "after", "actor", "reason"))


def told(account):
    return list(
        OutboxRow.objects.filter(account=account).order_by("account_sequence").values_list("event_type", flat=True)
    )


# Freezing


@pytest.mark.parametrize("build", [consume, hold])
def test_a_frozen_account_declines_what_would_spend_and_says_that_it_is_frozen(build):
    account = opened_account(credits_bought=50)
    freeze(account, **ANNA)
    before = len(told(account))

    outcomes = post(
        requests(build(merchant_id=account.merchant_id, amount=5), build(merchant_id=account.merchant_id, amount=5_000))
    )

    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [(Status.DECLINED, "frozen")] * 2
    assert told(account)[before:] == ["evt.credits.declined.v1"] * 2
    event = OutboxRow.objects.filter(event_type="evt.credits.declined.v1")[0]
    assert event.body["data"]["reason"] == "frozen"


def test_on_a_frozen_account_all_else_goes_on():
    account = opened_account(credits_bought=50)
    mine = {"merchant_id": account.merchant_id}
    captured, released, consumed = hold(**mine), hold(**mine), consume(**mine)
    post(requests(captured, released, consumed))
    freeze(account, **ANNA)

    outcomes = post(
        requests(
            purchase(**mine),
            grant(**mine),
            capture(captured),
            release(released),
            reverse((consumed.reference_type, consumed.reference_id), **mine),
        )
    )

    assert [str(outcome.status) for outcome in outcomes] == ["posted", "posted", "posted", "recorded", "posted"]
    assert adjusted(account, -1).status is Status.POSTED


def test_a_thawed_account_spends_again():
    account = opened_account(credits_bought=50)
    freeze(account, **ANNA)

    outcome = thaw(account, actor="bert", reason="cleared up")

    assert outcome.status is Status.POSTED
    assert post(requests(consume(merchant_id=account.merchant_id)))[0].status is Status.POSTED
    assert log_of(account) == [
        ("frozen", "no", "yes", "anna", "the owner wrote to us"),
        ("frozen", "yes", "no", "bert", "cleared up"),
    ]


@pytest.mark.parametrize(("change", "times"), [(freeze, 2), (thaw, 1)])
def test_what_is_so_already_is_unchanged_and_is_not_logged_again(change, times):
    account = opened_account()

    outcomes = [change(account, **ANNA) for _ in range(times)]

    assert outcomes[-1].status is Status.UNCHANGED
    assert AccountChange.objects.count() == times - 1


# Thresholds


def test_an_account_with_a_threshold_of_its_own_is_low_below_that_one(settings):
    settings.LOW_BALANCE_THRESHOLD = 100
    account = opened_account(credits_bought=1_000)

    set_threshold(account, threshold=990, **ANNA)
    post(requests(consume(merchant_id=account.merchant_id, amount=11)))

    alert = OutboxRow.objects.get(event_type="evt.credits.low_balance.v1")
    assert alert.body["data"]["threshold"] == 990
    assert log_of(account) == [("low_balance_threshold", "", "990", "anna", "the owner wrote to us")]


def test_a_threshold_of_zero_tells_no_low_balance():
    account = opened_account(credits_bought=50)

    set_threshold(account, threshold=0, **ANNA)
    post(requests(consume(merchant_id=account.merchant_id, amount=50)))

    assert [event for event in told(account) if "low_balance" in event] == []


def test_a_threshold_taken_away_leaves_the_services_own(settings):
    settings.LOW_BALANCE_THRESHOLD = 100
    account = opened_account(credits_bought=150)
    set_threshold(account, threshold=0, **ANNA)

    set_threshold(account, threshold=None, **ANNA)
    post(requests(consume(merchant_id=account.merchant_id, amount=60)))

    assert OutboxRow.objects.get(event_type="evt.credits.low_balance.v1").body["data"]["threshold"] == 100
    assert Account.objects.get().low_balance_threshold is None


@pytest.mark.parametrize("threshold", [-1, 10**12 + 1, 1.5, "100"])
def test_a_threshold_that_is_no_amount_is_refused(threshold):
    with pytest.raises(Refused, match="threshold: "):
        set_threshold(opened_account(), threshold=threshold, **ANNA)


# Shops

ELSEWHERE = {"platform_name": "magento", "platform_shop_id": "m-1", "shop_domain": "New.example.com"}


def test_an_account_moves_to_another_shop():
    account = opened_account()
    before = f"shopify {account.shop_domain} {account.platform_shop_id}"

    outcome = move_shop(account, **ELSEWHERE, **ANNA)

    account.refresh_from_db()
    assert outcome.status is Status.POSTED
    assert (account.platform_name, account.platform_shop_id, account.shop_domain) == (
        "magento",
        "m-1",
        "new.example.com",
    )
    assert log_of(account) == [("shop", before, "magento new.example.com m-1", "anna", "the owner wrote to us")]


def test_a_change_of_shop_that_is_older_than_the_newest_is_unchanged():
    account = opened_account()
    move_shop(account, **ELSEWHERE, **ANNA)

    outcome = post(requests(change_shop(merchant_id=account.merchant_id, changed_at="2026-01-01T00:00:00Z")))[0]

    account.refresh_from_db()
    assert outcome.status is Status.UNCHANGED
    assert account.shop_domain == "new.example.com"
    assert AccountChange.objects.count() == 1


def test_a_change_of_shop_that_another_service_asked_for_names_no_person():
    account = opened_account()

    post(requests(change_shop(merchant_id=account.merchant_id, shop_domain="moved.example.com")))

    assert log_of(account)[0][3:] == ("", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("platform_name", "ebay"), ("shop_domain", "no domain"), ("platform_shop_id", "")],
)
def test_a_shop_that_can_not_be_is_refused_by_its_field(field, value):
    with pytest.raises(Refused) as refused:
        move_shop(opened_account(), **{**ELSEWHERE, field: value}, **ANNA)

    assert refused.value.field == field


@pytest.mark.parametrize("missing", ["actor", "reason"])
def test_every_change_says_by_whom_and_why(missing):
    account = opened_account()
    said = {**ANNA, missing: ""}

    for change in (
        lambda: freeze(account, **said),
        lambda: thaw(account, **said),
        lambda: set_threshold(account, threshold=1, **said),
        lambda: move_shop(account, **ELSEWHERE, **said),
    ):
        with pytest.raises(Refused, match=f"{missing}: "):
            change()


def test_each_change_has_a_correlation_id_of_its_own():
    account = opened_account(platform_shop_id=fresh("shop"))

    freeze(account, **ANNA)
    thaw(account, **ANNA)

    assert len(set(account.changes.values_list("correlation_id", flat=True))) == 2
