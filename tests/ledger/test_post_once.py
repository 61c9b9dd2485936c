"""Posting for real: each command is applied once; what the rows say is what a repeat and a conflict are judged by."""

import pytest

from ledger.journal import post
from ledger.models import Account, OutboxRow, ParkedMessage, ShopDifference, Transaction
from ledger.outcomes import Status
from tests.ledger.builders import (
    CORRELATION_ID,
    consume,
    consume_match,
    fresh,
    grant,
    open_account,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.raw_sql import contents

COMMANDS = {
    "start_trial": start_trial,
    "purchase": purchase,
    "grant": grant,
    "consume_match": consume_match,
    "consume": consume,
}
each_command = pytest.mark.parametrize("build", COMMANDS.values(), ids=COMMANDS)


def told() -> int:
    return OutboxRow.objects.count()


@pytest.mark.django_db
@each_command
def test_a_repeat_in_a_later_batch_changes_nothing_and_returns_the_first_outcome(build):
    command = build(merchant_id=opened_account(credits_bought=50).merchant_id)
    (first,) = post([request(command)])
    before = (contents(), told())

    (outcome,) = post([request(command, correlation_id="another-delivery")])

    assert first.status is Status.POSTED
    assert outcome == first._replace(replayed=True)
    assert (contents(), told()) == before


@pytest.mark.django_db
def test_a_decline_is_stored_and_stays_declined_once_there_are_credits():
    account = opened_account()
    command = consume(merchant_id=account.merchant_id, amount=10)
    (first,) = post([request(command)])
    post(requests(purchase(merchant_id=account.merchant_id, credits=100)))
    before = (contents(), told())

    (outcome,) = post([request(command)])

    assert (first.status, first.reason, first.balance) == (Status.DECLINED, "insufficient_credits", 0)
    assert outcome == first._replace(replayed=True)
    assert (contents(), told()) == before
    row = Transaction.objects.get(id=first.transaction_id)
    assert (row.status, row.sequence, row.reason) == ("declined", None, "insufficient_credits")


@pytest.mark.django_db
def test_opening_again_changes_nothing():
    opening = open_account()
    (first,) = post([request(opening)])
    before = contents()

    (again,) = post([request(opening)])

    assert (first.status, first.balance) == (Status.POSTED, 0)
    assert (again.status, again.reason) == (Status.UNCHANGED, None)
    assert contents() == before


@pytest.mark.django_db
def test_opening_again_with_another_shop_is_listed_once():
    account = opened_account()
    other = open_account(merchant_id=account.merchant_id, platform_name="magento")

    outcomes = [post([request(other)])[0] for _ in range(2)]

    assert [(outcome.status, outcome.reason) for outcome in outcomes] == [(Status.UNCHANGED, "shop_differs")] * 2
    difference = ShopDifference.objects.get()
    assert (difference.account, difference.platform_name) == (account, "magento")
    assert (difference.shop_domain, difference.correlation_id) == (other.shop_domain, CORRELATION_ID)
    assert Account.objects.get() == account
    assert Account.objects.get().shop_domain == account.shop_domain


@pytest.mark.django_db
@pytest.mark.parametrize("build", [purchase, grant, consume_match, consume])
def test_a_reference_that_another_merchant_holds_is_parked_and_never_answered_with_theirs(build):
    ours, theirs = (opened_account(credits_bought=50).merchant_id for _ in range(2))
    held = build(merchant_id=theirs)
    (first,) = post([request(held)])
    before = (contents(), told())

    (outcome,) = post([request(held.model_copy(update={"merchant_id": ours}))])

    assert (outcome.status, outcome.merchant_id, outcome.transaction_id) == (Status.PARKED, ours, None)
    assert (contents(), told()) == before
    parked = ParkedMessage.objects.get()
    assert (parked.reason, parked.field, parked.merchant_id) == ("idempotency_conflict", "reference_id", ours)
    assert parked.conflicts_with_id == first.transaction_id


@pytest.mark.django_db
def test_another_amount_is_a_conflict_but_a_changed_size_of_the_trial_is_not(settings):
    account = opened_account()
    trial = start_trial(merchant_id=account.merchant_id)
    bought = purchase(merchant_id=account.merchant_id, credits=10)
    first, _ = post(requests(trial, bought))
    settings.TRIAL_CREDITS = 900

    again, other = post(requests(trial, bought.model_copy(update={"credits": 11})))

    assert again == first._replace(replayed=True)
    assert again.amount == 500
    assert other.status is Status.PARKED


@pytest.mark.django_db
def test_of_two_merchants_with_one_reference_in_one_batch_the_first_gets_it():
    first, second = (opened_account().merchant_id for _ in range(2))
    purchase_id = fresh("purchase")

    won, lost = post(
        requests(*(purchase(merchant_id=merchant_id, purchase_id=purchase_id) for merchant_id in (first, second)))
    )

    assert (won.status, won.merchant_id) == (Status.POSTED, first)
    assert (lost.status, lost.merchant_id) == (Status.PARKED, second)
    assert ParkedMessage.objects.get().conflicts_with_id == won.transaction_id
    assert Account.objects.get(merchant_id=second).balance == 0


@pytest.mark.django_db
def test_an_empty_batch_has_no_outcomes():
    assert post([]) == []


@pytest.mark.django_db
def test_a_row_says_all_that_its_command_did():
    account = opened_account(credits_bought=50)
    metadata = {"rows": 9, "big": 10**30, "half": 0.5, "name": "Zoë 🛒", "nested": [{"a": None}, True]}
    command = consume(merchant_id=account.merchant_id, amount=20, description="CSV «1»", metadata=metadata)

    (outcome,) = post([request(command, correlation_id="story-9")])

    row = Transaction.objects.get(id=outcome.transaction_id)
    assert (row.account, row.merchant_id, row.sequence) == (account, account.merchant_id, 2)
    assert (row.status, row.kind, row.operation, row.amount, row.stated_amount) == (
        *("posted", "consume", "debit"),
        *(20, 20),
    )
    assert (row.balance_before, row.balance_after, row.total_granted, row.total_consumed) == (50, 30, 50, 20)
    assert (row.reference_type, row.reference_id) == (command.reference_type, command.reference_id)
    assert (row.description, row.metadata, row.correlation_id) == ("CSV «1»", metadata, "story-9")
    assert row.created_at > account.created_at
    now = Account.objects.get()
    assert (now.balance, now.total_granted, now.total_consumed, now.sequence) == (30, 50, 20, 2)
    assert now.updated_at == row.created_at
