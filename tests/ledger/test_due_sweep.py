"""The sweep over accounts: what has fallen due is posted, told and dated at its moment, though nobody asked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import dialect
from ledger.journal import post
from ledger.journal.due import post_due_accounts
from ledger.models import Account, Hold, Lot, OutboxRow, Transaction
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume, grant, hold, opened_account, requests, start_trial

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def never(_: float) -> bool:
    raise AssertionError("there was no trouble to wait for")


def sweep(limit: int = 500) -> list[str]:
    """Post what is due; the events that it told, in order."""
    return [row.name for posted in post_due_accounts(limit=limit, pause=never) for row in posted.recorded]


@pytest.fixture
def hours_later(monkeypatch):
    """Sets the ledger's clock so many hours ahead of the real one."""

    def ahead(hours: int) -> None:
        monkeypatch.setattr(type(dialect.current()), "clock", lambda _: timezone.now() + hours * HOUR)

    return ahead


def test_an_empty_sweep_writes_nothing():
    opened_account(credits_bought=10)
    before = list(Account.objects.values())

    assert sweep() == []
    assert list(Account.objects.values()) == before


def test_a_grant_that_is_over_when_it_comes_expires_at_once_and_its_account_is_looked_at_no_more():
    account = opened_account()

    (outcome,) = post(requests(grant(merchant_id=account.merchant_id, amount=7, expires_at=timezone.now() - HOUR)))

    assert outcome.balance == 7
    account.refresh_from_db()
    assert (account.balance, account.total_granted, account.total_expired, account.next_due_at) == (0, 7, 7, None)
    assert sweep() == []
    assert_books_are_right()


@pytest.mark.parametrize(
    ("ahead", "told"), [(timedelta(hours=5), []), (timedelta(hours=7), ["evt.credits.expiring_soon.v1"])]
)
def test_an_expiry_is_announced_so_long_ahead_as_is_set(settings, ahead, told):
    settings.EXPIRING_SOON = ahead
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, expires_at=timezone.now() + 6 * HOUR)))
    sweep()

    announced = OutboxRow.objects.filter(event_type="evt.credits.expiring_soon.v1").values_list("event_type", flat=True)

    assert list(announced) == told


@pytest.mark.parametrize(("expire", "ends"), [(True, True), (False, False)])
def test_a_trials_credits_expire_with_it_where_that_is_set(settings, expire, ends):
    settings.TRIAL_CREDITS_EXPIRE = expire
    account, ends_at = opened_account(), timezone.now() + HOUR

    post(requests(start_trial(merchant_id=account.merchant_id, ends_at=ends_at)))

    assert Lot.objects.get().expires_at == (ends_at if ends else None)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-03T12:00:00+14:00"])
def test_a_grant_that_was_over_before_all_times_expires_at_once(moment):
    account = opened_account()

    (outcome,) = post(requests(grant(merchant_id=account.merchant_id, amount=7, expires_at=moment)))

    account.refresh_from_db()
    assert (outcome.status, account.balance, account.total_expired, account.next_due_at) == ("posted", 0, 7, None)
    assert_books_are_right()


def test_the_sweep_posts_what_time_alone_has_done_each_dated_at_its_moment(hours_later):
    account = opened_account(credits_bought=200)
    ours = {"merchant_id": account.merchant_id}
    in_an_hour, in_two = timezone.now() + HOUR, timezone.now() + 2 * HOUR
    post(requests(grant(**ours, amount=7, expires_at=in_an_hour), grant(**ours, amount=50, effective_at=in_two)))
    post(requests(hold(**ours, amount=20, expires_in_s=3 * 3600)))

    hours_later(2)
    assert sweep() == ["evt.credits.granted.v1"]  # the lot of 7 is held, and does not expire under the hold
    hours_later(4)
    assert sweep() == ["evt.credits.released.v1", "evt.credits.expired.v1"]
    assert sweep() == []

    account.refresh_from_db()
    assert (account.balance, account.held, account.total_expired, account.next_due_at) == (250, 0, 7, None)
    assert Transaction.objects.get(reference_type="activate").created_at == in_two
    held = Hold.objects.get()
    assert (held.status, held.resolved_at) == ("expired", held.expires_at)
    assert Transaction.objects.get(kind="expire").created_at == held.expires_at
    assert sorted(Lot.objects.values_list("remaining", flat=True)) == [0, 50, 200]
    assert_books_are_right()


def test_an_account_on_which_nothing_is_due_any_more_is_looked_at_once(hours_later):
    account = opened_account()
    ours = {"merchant_id": account.merchant_id}
    post(requests(grant(**ours, amount=7, expires_at=timezone.now() + 300 * HOUR), consume(**ours, amount=7)))

    hours_later(301)

    assert (sweep(), sweep()) == ([], [])
    account.refresh_from_db()
    assert account.next_due_at is None


def test_what_falls_due_is_posted_page_by_page(hours_later):
    accounts = [opened_account() for _ in range(5)]
    for account in accounts:
        post(requests(grant(merchant_id=account.merchant_id, amount=7, expires_at=timezone.now() + HOUR)))

    hours_later(1)

    assert sweep(limit=2).count("evt.credits.expired.v1") == 5


def test_an_account_on_which_it_fails_holds_up_none_of_the_others(hours_later):
    accounts = [opened_account() for _ in range(5)]
    for account in accounts:
        post(requests(grant(merchant_id=account.merchant_id, amount=7, expires_at=timezone.now() + HOUR)))
    broken = Account.objects.get(id=accounts[2].id)
    in_the_way = OutboxRow.objects.filter(account=broken).latest("account_sequence")
    in_the_way.pk, in_the_way.account_sequence = broken.pk, broken.event_sequence + 1
    in_the_way.save(force_insert=True)

    hours_later(1)
    sweep(limit=2)

    expired = set(Transaction.objects.filter(kind="expire").values_list("account_id", flat=True))
    assert expired == {account.id for account in accounts} - {broken.id}
    assert Account.objects.get(id=broken.id).balance == 7
