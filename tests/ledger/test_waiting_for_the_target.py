"""Waiting for a target: what captures, releases or reverses what is not there yet is kept, and applied once it is."""

from datetime import timedelta

import pytest

from ledger.journal import post
from ledger.journal.sweep import park_outlived, post_due
from ledger.models import Account, ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import Status
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import capture, consume, hold, open_account, opened_account, release, requests, reverse

pytestmark = pytest.mark.django_db


def never(_: float) -> bool:
    raise AssertionError("there was no trouble to wait for")


def sweep() -> int:
    return len(post_due(limit=500, pause=never).outcomes)


def aimed_at_nothing(merchant_id):
    """A capture, a release and a reversal, with what each of them aims at."""
    held, other, spent = (build(merchant_id=merchant_id, amount=4) for build in (hold, hold, consume))
    undo = reverse((spent.reference_type, spent.reference_id), merchant_id=merchant_id)
    return [capture(held), release(other), undo], [held, other, spent]


def test_each_waits_and_is_applied_once_its_target_is_there():
    account = opened_account(credits_bought=20)
    ahead, targets = aimed_at_nothing(account.merchant_id)

    outcomes = post(requests(*ahead))
    assert {outcome.status for outcome in outcomes} == {Status.WAITING}
    assert sweep() == 0
    post(requests(*targets))
    assert sweep() == 3

    account.refresh_from_db()
    assert (account.balance, account.held) == (16, 0)
    assert not WaitingCommand.objects.exists()
    assert {outcome.replayed for outcome in post(requests(*ahead))} == {True}
    assert_books_are_right()


def test_what_waits_for_its_account_goes_on_waiting_for_its_target():
    opening = open_account()
    ahead, _ = aimed_at_nothing(opening.merchant_id)
    post(requests(*ahead))
    before = list(WaitingCommand.objects.order_by("id").values_list("id", "correlation_id"))

    post(requests(opening))

    assert sweep() == 0
    assert list(WaitingCommand.objects.order_by("id").values_list("id", "correlation_id")) == before


def test_the_outcome_of_what_waits_names_its_own_reference():
    command = capture(hold(), merchant_id=opened_account().merchant_id)

    (outcome,) = post(requests(command))

    assert outcome.status is Status.WAITING
    assert (outcome.reference_type, outcome.reference_id) == (command.reference_type, command.reference_id)


def test_the_target_of_another_merchant_is_as_good_as_none():
    account, other = opened_account(credits_bought=20), opened_account(credits_bought=20)
    theirs = hold(merchant_id=other.merchant_id, amount=4)
    post(requests(theirs))

    (outcome,) = post(requests(capture(theirs, merchant_id=account.merchant_id)))

    assert outcome.status is Status.WAITING
    assert sweep() == 0
    other.refresh_from_db()
    assert other.held == 4


@pytest.mark.parametrize("place", [0, 1, 2], ids=["capture", "release", "reverse"])
def test_what_outlives_its_wait_is_parked_with_the_field_that_names_nothing(settings, place):
    settings.ACCOUNT_WAIT = timedelta(0)
    account = opened_account()
    command = aimed_at_nothing(account.merchant_id)[0][place]
    post(requests(command))

    assert park_outlived(limit=10) == 1

    parked = ParkedMessage.objects.get()
    field = "original_reference_id" if place == 2 else "hold_reference_id"
    assert (parked.reason, parked.field, parked.merchant_id) == ("no_target", field, account.merchant_id)
    assert getattr(command, field) in parked.detail
    assert not Transaction.objects.exists()
    assert Account.objects.get().rows == 0
