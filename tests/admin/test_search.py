"""Searching: what a term finds in each list, and that it finds nothing else."""

import pytest

from ledger.journal import post
from ledger.models import Account, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from tests.admin.books import TABLES, conflict, list_page, one_of_everything, park_one, rows_of, task_message
from tests.ledger.builders import consume_match, opened_account, purchase, request

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def found(client, model, term):
    return rows_of(client.get(list_page(model, q=term)))


@pytest.mark.parametrize("model", TABLES)
def test_a_merchant_id_finds_the_rows_of_that_merchant_alone(superuser, model):
    books = one_of_everything()
    one_of_everything()

    rows = found(superuser, model, f" {books.merchant.upper()} ")

    assert rows
    assert {_merchant_of(row) for row in rows} == {books.account.merchant_id}


@pytest.mark.parametrize("model", TABLES)
def test_a_domain_finds_the_rows_of_that_shop_alone(superuser, model):
    books = one_of_everything()
    one_of_everything()

    rows = found(superuser, model, books.account.shop_domain.upper())

    assert rows
    assert {_merchant_of(row) for row in rows} == {books.account.merchant_id}


@pytest.mark.parametrize("model", TABLES)
def test_a_correlation_id_finds_what_happened_under_it_alone(superuser, model):
    books = one_of_everything()
    one_of_everything()

    rows = found(superuser, model, books.correlation_id)

    assert rows
    assert {_correlation_of(row, books) for row in rows} == {books.correlation_id}


@pytest.mark.parametrize("model", [Account, Transaction, OutboxRow])
def test_a_reference_written_as_type_and_id_finds_its_transaction(superuser, model):
    books = one_of_everything()

    rows = found(superuser, model, "export/report-7")

    assert {_reference_of(row) for row in rows} == {"export/report-7" if model is not Account else str(books.account)}


@pytest.mark.parametrize("model", [Account, Transaction, OutboxRow])
def test_the_id_of_a_match_finds_it_without_its_type(superuser, model):
    account = opened_account(credits_bought=5)
    post([request(consume_match(merchant_id=account.merchant_id, match_id="match/of-the-day"))])

    rows = found(superuser, model, "match/of-the-day")

    assert {_merchant_of(row) for row in rows} == {account.merchant_id}


@pytest.mark.parametrize("model", [Account, Transaction, OutboxRow])
def test_a_transactions_own_id_finds_it(superuser, model):
    one_of_everything()
    wanted = Transaction.objects.get(reference_id="report-7")

    rows = found(superuser, model, str(wanted.pk))

    assert {_reference_of(row) for row in rows} == {str(wanted) if model is not Account else str(wanted.account)}


def test_a_parked_messages_number_finds_it(superuser):
    park_one()
    wanted = park_one()

    assert found(superuser, ParkedMessage, str(wanted.pk)) == [wanted]


@pytest.mark.parametrize("term", ["purchase/order/7", "order/7"])
@pytest.mark.parametrize("model", [ParkedMessage, WaitingCommand])
def test_a_reference_finds_what_waits_or_is_parked_for_it_alone(superuser, model, term):
    conflict()
    one_of_everything()
    for order in ("order/7", "order/8"):
        park_one(message=task_message(name="credits.purchase", kwargs={"purchase_id": order}))
        post([request(purchase(purchase_id=order))])  # its account is not open yet

    rows = found(superuser, model, term)

    assert [(row.reference_type, row.reference_id) for row in rows] == [("purchase", "order/7")]


def test_a_domain_with_several_accounts_lists_the_newest_opened_ones_transactions_and_says_so(superuser):
    opened_account(shop_domain="moved.example.com", credits_bought=5)
    newest = opened_account(shop_domain="moved.example.com", credits_bought=7)

    response = superuser.get(list_page(Transaction, q="moved.example.com"))

    assert {row.account for row in rows_of(response)} == {newest}
    assert "2 accounts" in response.content.decode()


@pytest.mark.parametrize("term", ["nothing-of-the-kind", "%", "\x7f", "9" * 5000, "export/", "7" * 30, "{}", "/"])
def test_a_term_that_names_nothing_finds_nothing(superuser, term):
    one_of_everything()

    rows = [row for model in TABLES for row in found(superuser, model, term)]

    assert rows == []


def test_a_term_with_nul_is_refused_with_a_message(superuser):
    response = superuser.get(list_page(Transaction, q="a\0b"))

    assert "Null characters are not allowed" in response.content.decode()


def _merchant_of(row):
    merchant = getattr(row, "merchant_id", None)
    return merchant or row.account.merchant_id


def _correlation_of(row, books):
    return books.correlation_id if row == books.account else row.correlation_id


def _reference_of(row):
    return str(getattr(row, "transaction", None) or row)
