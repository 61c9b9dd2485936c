"""Races: the same request from several processes at the same moment is applied once, and answered alike."""

import pytest
from django.db.models import Count

from ledger.models import Account, OutboxRow, ParkedMessage, ShopDifference, Transaction
from ledger.outcomes import Status
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import (
    consume,
    consume_match,
    fresh,
    grant,
    open_account,
    opened_account,
    purchase,
    requests,
    start_trial,
)
from tests.ledger.racing import post_together

ROUNDS = 15
pytestmark = pytest.mark.servers

COMMANDS = {
    "start_trial": start_trial,
    "purchase": purchase,
    "grant": grant,
    "consume_match": consume_match,
    "consume": consume,
}


@pytest.mark.parametrize("build", COMMANDS.values(), ids=COMMANDS)
def test_one_request_from_all_at_once_is_applied_once(own_database, racers, build):
    commands = [build(merchant_id=opened_account(credits_bought=50).merchant_id) for _ in range(ROUNDS)]
    turns = [(requests(command),) for command in commands]

    answers = racers.race(own_database, post_together, *[turns] * racers.size)

    for turn in range(ROUNDS):
        outcomes = [answers_of_one[turn][0] for answers_of_one in answers]
        assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * (racers.size - 1)
        assert {outcome.status for outcome in outcomes} == {Status.POSTED}
        assert len({(outcome.transaction_id, outcome.balance) for outcome in outcomes}) == 1
    assert Transaction.objects.count() == 2 * ROUNDS
    assert not ParkedMessage.objects.exists()
    assert_books_are_right()


def test_a_decline_from_all_at_once_is_stored_once(own_database, racers):
    commands = [consume(merchant_id=opened_account().merchant_id) for _ in range(ROUNDS)]
    turns = [(requests(command),) for command in commands]

    answers = racers.race(own_database, post_together, *[turns] * racers.size)

    outcomes = [outcome for of_one in answers for (outcome,) in of_one]
    assert {(outcome.status, outcome.reason) for outcome in outcomes} == {(Status.DECLINED, "insufficient_credits")}
    assert Transaction.objects.count() == OutboxRow.objects.count() == ROUNDS
    assert_books_are_right()


def test_one_account_opened_by_all_at_once_is_opened_once(own_database, racers):
    openings = [open_account() for _ in range(ROUNDS)]
    turns = [(requests(opening),) for opening in openings]

    answers = racers.race(own_database, post_together, *[turns] * racers.size)

    for turn in range(ROUNDS):
        statuses = sorted(of_one[turn][0].status for of_one in answers)
        assert statuses == ["posted"] + ["unchanged"] * (racers.size - 1)
    assert Account.objects.count() == ROUNDS
    assert not ShopDifference.objects.exists()


def test_one_account_opened_for_several_shops_at_once_keeps_the_first(own_database, racers):
    merchants = [open_account().merchant_id for _ in range(ROUNDS)]
    turns_of_each = [
        [(requests(open_account(merchant_id=merchant_id)),) for merchant_id in merchants] for _ in range(racers.size)
    ]

    racers.race(own_database, post_together, *turns_of_each)

    assert Account.objects.count() == ROUNDS
    listed = Account.objects.annotate(listed=Count("shop_differences")).values_list("listed", flat=True)
    assert set(listed) == {racers.size - 1}


@pytest.mark.parametrize("build", [purchase, grant, consume_match, consume])
def test_of_several_merchants_with_one_reference_exactly_one_gets_it(own_database, racers, build):
    merchants = [opened_account(credits_bought=1000).merchant_id for _ in range(racers.size)]
    commands = [build() for _ in range(ROUNDS)]
    turns_of_each = [
        [(requests(command.model_copy(update={"merchant_id": merchant_id})),) for command in commands]
        for merchant_id in merchants
    ]

    answers = racers.race(own_database, post_together, *turns_of_each)

    for turn in range(ROUNDS):
        outcomes = [of_one[turn][0] for of_one in answers]
        assert sorted(outcome.status for outcome in outcomes) == ["parked"] * (racers.size - 1) + ["posted"]
    parked = ParkedMessage.objects.filter(reason="idempotency_conflict", conflicts_with__isnull=False)
    assert parked.count() == ParkedMessage.objects.count() == ROUNDS * (racers.size - 1)
    assert Transaction.objects.count() == racers.size + ROUNDS
    assert_books_are_right()


def test_several_workers_on_one_account_never_overdraw_it_and_leave_no_gap(own_database, racers):
    account = opened_account(credits_bought=200)
    turns_of_each = [
        [(requests(*(consume(merchant_id=account.merchant_id, amount=3) for _ in range(5))),) for _ in range(ROUNDS)]
        for _ in range(racers.size)
    ]

    answers = racers.race(own_database, post_together, *turns_of_each)

    outcomes = [outcome for of_one in answers for of_turn in of_one for outcome in of_turn]
    assert len(outcomes) == ROUNDS * 5 * racers.size
    posted = [outcome for outcome in outcomes if outcome.status is Status.POSTED]
    assert len(posted) == 200 // 3
    assert len({outcome.balance for outcome in posted}) == len(posted)
    account.refresh_from_db()
    assert (account.balance, account.sequence) == (200 % 3, 1 + len(posted))
    assert_books_are_right()


def test_a_reference_is_not_posted_twice_by_its_own_and_its_generic_command(own_database, racers):
    merchant_id = opened_account().merchant_id
    ids = [fresh("p") for _ in range(ROUNDS)]
    bought = [(requests(purchase(merchant_id=merchant_id, purchase_id=id_, credits=7)),) for id_ in ids]
    granted = [
        (requests(grant(merchant_id=merchant_id, reference_type="purchase", reference_id=id_, amount=7)),)
        for id_ in ids
    ]

    racers.race(own_database, post_together, bought, granted, bought, granted)

    assert Account.objects.get().balance == 7 * ROUNDS
    assert not ParkedMessage.objects.exists()
    assert_books_are_right()
