"""The audit of accounts and transactions: each property corrupted by force, each time the row is named."""

from datetime import timedelta

import pytest

from ledger.models import Transaction
from tests.ledger.audited import assert_found, corrupt, findings, remove
from tests.ledger.books import story
from tests.ledger.builders import opened_account

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.parametrize(
    ("column", "right", "wrong"),
    [("balance", 500, 501), ("total_granted", 650, 649), ("total_consumed", 150, 0), ("sequence", 4, 5)],
)
def test_an_account_that_is_not_the_sum_of_its_rows_is_found(column, right, wrong):
    account = story().account

    corrupt(account, **{column: wrong})

    assert_found(account, f"{column} by the sum of its rows", expected=right, found=wrong)


@pytest.mark.parametrize(
    ("column", "right", "wrong"), [("balance", 500, 501), ("total_granted", 650, 649), ("total_consumed", 150, 0)]
)
def test_an_account_that_is_not_what_its_newest_row_says_is_found(column, right, wrong):
    account = story().account

    corrupt(account, **{column: wrong})

    assert_found(account, f"{column} by its newest row", expected=right, found=wrong)


def test_an_account_older_than_its_newest_row_is_found():
    account = story().account
    earlier = account.updated_at - timedelta(seconds=1)

    corrupt(account, updated_at=earlier)

    assert_found(account, "updated_at by its newest row", expected=f"{account.updated_at} or later", found=earlier)


def test_an_account_with_a_balance_and_no_rows_is_found():
    account = opened_account()

    corrupt(account, balance=5, total_granted=5)

    assert_found(account, "balance by the sum of its rows", expected=0, found=5)


def test_balances_that_are_not_what_the_kinds_come_to_are_found():
    corrupt(story().account, balance=501)

    expected = "wrong: credit_accounts (all rows): sum of balances by kind: expected 1000, found 1001"
    assert expected in findings()


def test_a_removed_row_is_found_by_its_successor_and_its_account():
    told = story()

    remove(told.ran_low)

    assert_found(told.ran_out, "sequence by the row before", expected=2, found=3)
    assert_found(told.ran_out, "balance_before by the row before", expected=150, found=90)
    assert_found(told.account, "sequence by the sum of its rows", expected=3, found=4)


def test_a_removed_newest_row_is_found_by_its_account():
    told = story()

    remove(told.topped_up)

    assert_found(told.account, "balance by the sum of its rows", expected=0, found=500)


@pytest.mark.parametrize(
    ("columns", "what", "expected", "found"),
    [
        ({"sequence": 7}, "sequence by the row before", 5, 7),
        ({"balance_before": 140}, "balance_before by the row before", 150, 140),
        ({"total_granted": 160}, "total_granted by the row before", 150, 160),
        ({"total_consumed": 70}, "total_consumed by the row before", 60, 70),
        ({"balance_after": 80}, "balance_after", 90, 80),
        ({"amount": 61}, "balance_after", 89, 90),
        ({"amount": 0}, "amount", "1 to 1000000000000", 0),
        ({"amount": -60}, "amount", "1 to 1000000000000", -60),
        ({"total_granted": 160}, "running totals", 90, "160 - 60 - 0"),
        ({"sequence": None}, "sequence", "a number from 1 on", None),
        ({"reason": "balance_limit"}, "reason", "none", "'balance_limit'"),
        ({"status": "pending"}, "status", "a known one", "'pending'"),
        ({"operation": "transfer"}, "operation", "a known one", "'transfer'"),
        ({"kind": "bonus"}, "kind", "a known one", "'bonus'"),
    ],
    ids=str,
)
def test_a_posted_row_that_is_wrong_is_found(columns, what, expected, found):
    row = story().ran_low

    corrupt(row, **columns)

    assert_found(row, what, expected=expected, found=found)


@pytest.mark.parametrize(
    ("columns", "what", "expected", "found"),
    [
        ({"balance_after": 1, "total_granted": 151}, "balance_after", 0, 1),
        ({"total_consumed": 151}, "running totals", 0, "150 - 151 - 0"),
        ({"sequence": 9}, "sequence", None, 9),
        ({"reason": ""}, "reason", "why it was declined", "''"),
    ],
    ids=str,
)
def test_a_declined_row_that_moves_anything_is_found(columns, what, expected, found):
    row = story().declined

    corrupt(row, **columns)

    assert_found(row, what, expected=expected, found=found)


def test_a_row_made_before_the_one_that_it_follows_is_found():
    told = story()
    earlier = told.ran_low.created_at - timedelta(seconds=1)

    corrupt(told.ran_out, created_at=earlier)

    expected = f"{told.ran_low.created_at} or later"
    assert_found(told.ran_out, "created_at by the row before", expected=expected, found=earlier)


@pytest.mark.parametrize("row", ["ran_low", "declined"])
def test_a_row_of_another_merchant_than_its_account_is_found(row):
    told = story()
    stray: Transaction = getattr(told, row)

    corrupt(stray, merchant_id=told.bystander.merchant_id)

    assert_found(
        stray,
        "merchant_id by its account",
        expected=told.account.merchant_id,
        found=told.bystander.merchant_id,
    )


def test_a_broken_link_names_no_row_after_it():
    told = story()

    corrupt(told.bought, balance_before=5)

    named = [line for line in findings() if "by the row before" in line]
    assert [line.split(":")[1] for line in named] == [f" credit_transactions {told.bought.id}"]
