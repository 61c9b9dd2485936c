"""Races on the same hold, lot and reversal: of all who ask at one moment, no more is given than is there."""

import pytest

from ledger.journal import post
from ledger.models import Account, Hold, Lot
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import capture, consume, grant, hold, opened_account, release, requests, reverse
from tests.ledger.racing import post_together

ROUNDS = 12
pytestmark = pytest.mark.servers


def race(own_database, racers, commands_of_each):
    """Have each racer post its own command of every round, all at once; the outcomes by round."""
    turns = [[(requests(command),) for command in commands] for commands in commands_of_each]
    answers = racers.race(own_database, post_together, *turns)
    return [[of_one[turn][0] for of_one in answers] for turn in range(len(turns[0]))]


def test_of_captures_and_releases_of_one_hold_exactly_one_wins(own_database, racers):
    holds = []
    for _ in range(ROUNDS):
        account = opened_account(credits_bought=50)
        holds.append(hold(merchant_id=account.merchant_id, amount=30))
    post(requests(*holds))
    resolutions = [capture, release, lambda of: capture(of, amount=10), release]

    rounds = race(own_database, racers, [[resolve(of) for of in holds] for resolve in resolutions])

    for outcomes in rounds:
        assert sorted(str(outcome.status) in ("posted", "recorded") for outcome in outcomes) == [False] * 3 + [True]
        (won,) = (outcome for outcome in outcomes if outcome.status != "declined")
        resolution = "captured" if won.status == "posted" else "released"
        assert {outcome.reason for outcome in outcomes} == {None, f"already_{resolution}"}
    assert not Account.objects.exclude(held=0).exists()
    assert not Hold.objects.filter(status="open").exists()
    assert_books_are_right()


def test_holds_and_consumptions_of_one_lot_never_take_more_than_it_has(own_database, racers):
    accounts = [opened_account(credits_bought=10) for _ in range(ROUNDS)]
    builders = [hold, consume, hold, consume]

    rounds = race(
        own_database,
        racers,
        [[build(merchant_id=account.merchant_id, amount=4) for account in accounts] for build in builders],
    )

    for outcomes in rounds:
        assert sorted(outcome.reason or "" for outcome in outcomes) == ["", "", *["insufficient_credits"] * 2]
    for account in Account.objects.all():
        assert account.balance - account.held == 2
    assert_books_are_right()


@pytest.mark.parametrize("amount", [None, 4], ids=["all of it", "in parts"])
def test_reversals_of_one_consumption_never_give_back_more_than_it_took(own_database, racers, amount):
    spent = [consume(merchant_id=opened_account(credits_bought=10).merchant_id, amount=10) for _ in range(ROUNDS)]
    post(requests(*spent))
    part = {} if amount is None else {"amount": amount}

    rounds = race(
        own_database,
        racers,
        [
            [reverse((it.reference_type, it.reference_id), merchant_id=it.merchant_id, **part) for it in spent]
            for _ in range(racers.size)
        ],
    )

    for outcomes in rounds:
        given_back = sum(outcome.amount for outcome in outcomes if outcome.status == "posted")
        assert given_back == (10 if amount is None else 8)
    assert set(Lot.objects.values_list("remaining", flat=True)) == {given_back}
    assert_books_are_right()


def test_a_reversed_grant_and_its_consumption_at_once_take_each_credit_once(own_database, racers):
    granted = [grant(merchant_id=opened_account().merchant_id, amount=10) for _ in range(ROUNDS)]
    post(requests(*granted))

    def undo(of):
        target = (of.reference_type, of.reference_id)
        return reverse(target, merchant_id=of.merchant_id, on_shortfall="take_what_is_left")

    def spend(of):
        return consume(merchant_id=of.merchant_id, amount=7)

    race(own_database, racers, [[build(of) for of in granted] for build in (undo, spend, undo, spend)])

    assert set(Account.objects.values_list("balance", flat=True)) <= {0, 3}
    for account in Account.objects.all():
        taken = account.transactions.filter(operation="debit", status="posted")
        assert sum(row.amount for row in taken) + account.balance == 10
    assert_books_are_right()
