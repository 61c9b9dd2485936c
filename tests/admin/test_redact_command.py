"""`manage.py redact`: erasing from the command line."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ledger.models import Redaction, Transaction
from tests.ledger.builders import opened_account
from tests.ledger.stored import SHOPPER, all_of, tables_naming, transactions_of

pytestmark = pytest.mark.django_db

ANNA = ("--actor", "anna", "--reason", "asked for by the data protection officer")


@pytest.fixture
def redact(capsys):
    """Runs the command; what it prints."""

    def run(*words):
        call_command("redact", *(str(word) for word in words))
        return capsys.readouterr().out

    return run


def test_a_shopper_is_erased_and_a_second_run_finds_nothing(redact):
    all_of()

    first = redact("--shopper", SHOPPER, *ANNA, "--yes")
    second = redact("--shopper", SHOPPER, *ANNA, "--yes")

    assert (first, second) == ("6 transactions and 13 messages redacted\n", "nothing was found\n")
    assert tables_naming(SHOPPER) == set()
    assert Redaction.objects.get().actor == "anna"


def test_a_shopper_of_one_merchant_is_erased_there_alone(redact):
    here, elsewhere = opened_account(credits_bought=500), opened_account(credits_bought=500)
    transactions_of(here)
    transactions_of(elsewhere)

    redact("--shopper", SHOPPER, "--merchant", here.merchant_id, *ANNA, "--yes")

    left = Transaction.objects.filter(metadata__shopper_id=SHOPPER).values_list("account_id", flat=True)
    assert set(left) == {elsewhere.pk}


def test_a_transaction_is_erased(redact):
    row = transactions_of(opened_account(credits_bought=500))[0]

    printed = redact("--transaction", row.pk, *ANNA, "--yes")

    row.refresh_from_db()
    assert printed == "1 transactions and 0 messages redacted\n"
    assert (row.description, row.metadata) == ("", {})


@pytest.mark.parametrize(("answer", "left"), [("n", 6), ("", 6), ("y", 0)])
def test_it_asks_before_it_erases(redact, monkeypatch, answer, left):
    transactions_of(opened_account(credits_bought=500))
    monkeypatch.setattr("builtins.input", lambda question: answer)

    if left:
        with pytest.raises(CommandError, match="nothing was erased"):
            redact("--shopper", SHOPPER, *ANNA)
    else:
        redact("--shopper", SHOPPER, *ANNA)

    assert Transaction.objects.filter(metadata__shopper_id=SHOPPER).count() == left


@pytest.mark.parametrize(
    "words",
    [
        (*ANNA, "--yes"),
        ("--shopper", SHOPPER, "--transaction", uuid4(), *ANNA, "--yes"),
        ("--shopper", SHOPPER, "--yes"),
        ("--shopper", "", *ANNA, "--yes"),
        ("--transaction", "not-an-id", *ANNA, "--yes"),
        ("--transaction", uuid4(), *ANNA, "--yes"),
        ("--transaction", uuid4(), "--merchant", uuid4(), *ANNA, "--yes"),
        ("--shopper", SHOPPER, "--actor", "anna", "--reason", f"{SHOPPER} asked", "--yes"),
    ],
)
def test_what_makes_no_sense_is_refused_and_erases_nothing(redact, words):
    transactions_of(opened_account(credits_bought=500))

    with pytest.raises(CommandError):
        redact(*words)

    assert Transaction.objects.filter(metadata__shopper_id=SHOPPER).count() == 6
