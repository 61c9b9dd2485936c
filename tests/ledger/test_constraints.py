"""Rows that are wrong in themselves: the database refuses each, whoever writes it, on PostgreSQL and on SQLite."""

import pytest
from django.db import IntegrityError
from django.db.models import Model

from ledger.models import OutboxRow, Transaction
from tests.ledger.builders import account_row, opened_account, transaction_row
from tests.ledger.raw_sql import contents, execute, insert

DECLINED = {"status": "declined", "sequence": None, "balance_after": 100, "total_granted": 100}


def assert_refused(row: Model, constraint: str) -> None:
    before = contents()

    with pytest.raises(IntegrityError, match=constraint):
        insert(row)

    assert contents() == before


# Accounts


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("balance = -1, total_consumed = total_granted + 1", "account_balance_in_range"),
        ("balance = 1000000000000001, total_granted = 1000000000000001", "account_balance_in_range"),
        ("balance = balance + 1", "account_totals_add_up"),
        ("total_granted = total_granted + 1", "account_totals_add_up"),
        ("total_consumed = total_consumed + 1", "account_totals_add_up"),
        ("platform_name = 'amazon'", "account_platform_known"),
        ("platform_name = 'Shopify'", "account_platform_known"),
    ],
)
def test_an_account_cannot_be_made_wrong(change, constraint):
    opened_account(credits_bought=100)
    before = contents()

    with pytest.raises(IntegrityError, match=constraint):
        execute(f"UPDATE credit_accounts SET {change}")

    assert contents() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"balance": -1, "total_consumed": 1}, "account_balance_in_range"),
        ({"balance": 10**15 + 1, "total_granted": 10**15 + 1}, "account_balance_in_range"),
        ({"balance": 5}, "account_totals_add_up"),
        ({"total_granted": -5, "total_consumed": -5}, "account_totals_not_negative"),
        ({"sequence": -1}, "account_sequences"),
        ({"event_sequence": -1}, "account_sequences"),
        ({"platform_name": "amazon"}, "account_platform_known"),
    ],
    ids=str,
)
def test_an_account_that_is_wrong_cannot_be_inserted(columns, constraint):
    assert_refused(account_row(**columns), constraint)


@pytest.mark.django_db
def test_a_merchant_has_one_account():
    account = opened_account()

    assert_refused(account_row(merchant_id=account.merchant_id), r"merchant_id")


# Transactions


@pytest.mark.django_db
def test_the_transaction_that_comes_next_can_be_inserted():
    account = opened_account(credits_bought=100)

    insert(transaction_row(account))

    assert Transaction.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"amount": 0}, "transaction_amount_in_range"),
        ({"amount": -10}, "transaction_amount_in_range"),
        ({"amount": 10**12 + 1}, "transaction_amount_in_range"),
        ({"balance_before": -10, "balance_after": 0, "total_granted": 0}, "transaction_balances_not_negative"),
        ({"balance_after": 111, "total_granted": 111}, "transaction_balances_add_up"),
        ({"balance_before": 99}, "transaction_balances_add_up"),
        ({"operation": "debit", "kind": "consume"}, "transaction_balances_add_up"),
        ({"sequence": None}, "transaction_balances_add_up"),
        ({"sequence": 0}, "transaction_balances_add_up"),
        ({"status": "declined", "reason": "balance_limit"}, "transaction_balances_add_up"),
        ({"status": "declined", "sequence": None, "reason": "balance_limit"}, "transaction_balances_add_up"),
        ({"total_granted": 111}, "transaction_totals_add_up"),
        ({"total_consumed": 1}, "transaction_totals_add_up"),
        ({"total_granted": -1, "total_consumed": -111}, "transaction_totals_in_range"),
        (
            {"balance_before": 10**15, "balance_after": 10**15 + 10, "total_granted": 10**15 + 10},
            "transaction_totals_in_range",
        ),
        ({"status": "pending"}, "transaction_(balances_add_up|reason_fits_status)"),
        ({"operation": "transfer"}, "transaction_(balances_add_up|kind_fits_operation)"),
        ({"kind": "bonus"}, "transaction_kind_fits_operation"),
        ({"kind": "consume"}, "transaction_kind_fits_operation"),
        ({"reason": "insufficient_credits"}, "transaction_reason_fits_status"),
        ({**DECLINED, "reason": "bad_luck"}, "transaction_reason_fits_status"),
        (DECLINED, "transaction_reason_fits_status"),
        ({"reference_type": ""}, "transaction_reference_given"),
        ({"reference_id": ""}, "transaction_reference_given"),
    ],
    ids=str,
)
def test_a_transaction_that_is_wrong_cannot_be_inserted(columns, constraint):
    account = opened_account(credits_bought=100)

    assert_refused(transaction_row(account, **columns), constraint)


@pytest.mark.django_db
def test_a_reference_is_used_once_whoever_names_it():
    holder, other = opened_account(credits_bought=100), opened_account()
    (held,) = Transaction.objects.filter(account=holder)

    usurper = transaction_row(other, reference_type=held.reference_type, reference_id=held.reference_id)

    assert_refused(usurper, "transaction_reference_once|reference_type, .*reference_id")


@pytest.mark.django_db
def test_a_number_within_an_account_is_used_once():
    account = opened_account(credits_bought=100)

    assert_refused(transaction_row(account, sequence=1), "transaction_sequence_once|account_id, .*sequence")


@pytest.mark.usefixtures("own_database")
def test_a_transaction_belongs_to_an_account_that_exists():
    assert_refused(transaction_row(account_row()), "(?i)foreign key")


# The outbox


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"destination": "telegram"}, "outbox_destination_known"),
        ({"account_id": None}, "outbox_event_has_its_cause"),
        ({"transaction_id": None}, "outbox_event_has_its_cause"),
        ({"account_sequence": None}, "outbox_event_has_its_cause"),
        ({"account_sequence": 0}, "outbox_event_has_its_cause"),
    ],
    ids=str,
)
def test_an_event_without_its_cause_cannot_be_inserted(columns, constraint):
    opened_account(credits_bought=100)
    told = OutboxRow.objects.values().get()

    assert_refused(OutboxRow(**{**told, "id": told["transaction_id"], "account_sequence": 2, **columns}), constraint)


@pytest.mark.django_db
def test_a_number_among_an_accounts_events_is_used_once():
    opened_account(credits_bought=100)
    told = OutboxRow.objects.values().get()

    twice = OutboxRow(**{**told, "id": told["transaction_id"]})

    assert_refused(twice, "outbox_account_sequence_once|account_id, .*account_sequence")
