"""Retries: staff have a declined request tried again, at most once for each declined row."""

import pytest

from ledger.errors import Refused
from ledger.journal import post
from ledger.models import Account, Transaction
from ledger.outcomes import Status
from ledger.staff import retry
from tests.ledger.builders import (
    capture,
    consume,
    fresh,
    hold,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.staffing import adjusted, declined_consumption, of_reference

pytestmark = pytest.mark.django_db

WHY = {"actor": "anna", "reason": "they have paid"}


def test_a_retry_asks_for_what_the_declined_row_asked_for():
    account = opened_account()
    declined = declined_consumption(account, amount=40, description="export of a.csv", metadata={"file": "a.csv"})
    adjusted(account, 100)

    outcome = retry(declined.pk, **WHY)

    row = of_reference("retry", declined.pk)
    assert (outcome.status, outcome.balance) == (Status.POSTED, 60)
    assert (row.kind, row.operation, row.amount, row.stated_amount) == ("consume", "debit", 40, 40)
    assert (row.description, row.actor) == ("export of a.csv", "anna")
    assert row.metadata == {"file": "a.csv", "retry_reason": "they have paid"}


def test_a_second_retry_is_the_replay_of_the_first():
    account = opened_account()
    declined = declined_consumption(account, amount=40)
    adjusted(account, 100)

    first, second = retry(declined.pk, **WHY), retry(declined.pk, actor="bert", reason="again")

    assert (first.replayed, second.replayed) == (False, True)
    assert first.transaction_id == second.transaction_id
    assert Account.objects.get().balance == 60


def test_a_retry_that_was_declined_too_is_retried_by_its_own_id():
    account = opened_account()
    declined = declined_consumption(account, amount=40)
    retry(declined.pk, **WHY)
    again = of_reference("retry", declined.pk)
    adjusted(account, 40)

    outcome = retry(again.pk, **WHY)

    assert again.status == "declined"
    assert (outcome.status, outcome.reference_id) == (Status.POSTED, str(again.pk))


def test_the_original_keeps_answering_its_decline_and_names_its_retry():
    account = opened_account()
    command = consume(merchant_id=account.merchant_id)
    post(requests(command))
    declined = of_reference("export", command.reference_id)
    adjusted(account, 100)
    retried = retry(declined.pk, **WHY)

    answer = post(requests(command))[0]

    assert (answer.status, answer.replayed, answer.retried_by) == (Status.DECLINED, True, retried.transaction_id)


def test_what_was_posted_can_not_be_retried():
    account = opened_account(credits_bought=10)

    with pytest.raises(Refused, match="transaction_id: it is posted"):
        retry(Transaction.objects.get(account=account).pk, **WHY)


def test_an_unknown_transaction_can_not_be_retried():
    with pytest.raises(Refused, match="transaction_id: there is no such transaction"):
        retry(opened_account().pk, **WHY)


def test_a_retry_needs_a_reason():
    declined = declined_consumption(opened_account())

    with pytest.raises(Refused, match="reason: "):
        retry(declined.pk, actor="anna", reason="")


def test_a_frozen_merchants_declined_hold_is_retried_as_a_hold_of_the_same_length(frozen_account):
    placed = hold(merchant_id=frozen_account.merchant_id, amount=5, expires_in_s=77)
    post(requests(placed))
    Account.objects.update(frozen=False)

    outcome = retry(of_reference("job", placed.reference_id).pk, **WHY)

    held = frozen_account.holds.get()
    assert (outcome.status, held.amount) == (Status.RECORDED, 5)
    assert (held.expires_at - Transaction.objects.get(pk=held.pk).created_at).total_seconds() == 77


def test_a_declined_capture_is_retried_against_the_same_hold():
    account = opened_account(credits_bought=50)
    placed = hold(merchant_id=account.merchant_id, amount=5)
    too_much = capture(placed, amount=6)
    post(requests(placed, too_much))
    declined = of_reference("delivery", too_much.reference_id)

    outcome = retry(declined.pk, **WHY)

    row = of_reference("retry", declined.pk)
    assert (declined.reason, outcome.reason) == ("more_than_held", "more_than_held")
    assert row.target_id == declined.target_id == account.holds.get().pk


@pytest.mark.parametrize("build", [purchase, start_trial])
def test_a_credit_that_was_declined_for_the_limit_is_retried_with_its_lots_terms(build):
    account = opened_account()
    post(requests(*(purchase(merchant_id=account.merchant_id, credits=10**12) for _ in range(1000))))
    command = build(merchant_id=account.merchant_id)
    post([request(command, correlation_id=fresh("correlation"))])
    declined = Transaction.objects.get(status="declined")
    post(requests(consume(merchant_id=account.merchant_id, amount=10**12)))

    outcome = retry(declined.pk, **WHY)

    row = of_reference("retry", declined.pk)
    assert (declined.reason, outcome.status) == ("balance_limit", Status.POSTED)
    assert (row.kind, row.terms) == (declined.kind, declined.terms)


@pytest.fixture
def frozen_account():
    account = opened_account(credits_bought=50)
    Account.objects.update(frozen=True)
    return account
