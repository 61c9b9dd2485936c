"""Erasing one transaction's content: its copies and messages too; and the guards let nothing else through."""

import pytest
from django.db import IntegrityError

from ledger.errors import Refused
from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.journal.redaction import redact_transaction
from ledger.models import ParkedMessage, Redaction, Transaction
from ledger.outcomes import ParkReason
from ledger.staff import retry
from tests.ledger.builders import consume, consume_match, fresh, grant, opened_account, purchase, requests
from tests.ledger.raw_sql import contents, execute
from tests.ledger.staffing import declined_consumption, of_reference
from tests.ledger.stored import SHOPPER, about_shopper, tables_naming, task_message

pytestmark = pytest.mark.django_db

ANNA = {"actor": "anna", "reason": "wrong file attached"}
ERASED = {"description": "''", "metadata": "'{}'", "salt": "''"}


def test_a_transaction_is_redacted_and_no_other():
    account = opened_account(credits_bought=100)
    said = {"merchant_id": account.merchant_id, **about_shopper()}
    chosen, other = consume(**said), consume(**said)
    post(requests(chosen, other))
    row = of_reference("export", chosen.reference_id)

    redacted = redact_transaction(row.pk, **ANNA)

    row.refresh_from_db()
    assert (redacted.transactions, row.description, row.metadata) == (1, "", {})
    assert of_reference("export", other.reference_id).metadata["shopper_id"] == SHOPPER
    assert Redaction.objects.get().transaction_id == row.pk


@pytest.mark.parametrize("of", ["the original", "the retry"])
def test_retries_repeat_what_is_erased_and_so_are_redacted_with_it(of):
    account = opened_account()
    declined = declined_consumption(account, **about_shopper())
    for _ in range(2):
        retried = retry(Transaction.objects.latest("number").pk, actor="anna", reason="again")
    chosen = declined.pk if of == "the original" else retried.transaction_id

    redacted = redact_transaction(chosen, **ANNA)

    assert redacted.transactions == 3
    assert tables_naming(SHOPPER) == set()


@pytest.mark.parametrize("build", [consume_match, consume, purchase, grant])
def test_messages_that_asked_for_the_same_are_redacted_with_it(build):
    account = opened_account(credits_bought=100)
    mine = {"merchant_id": account.merchant_id}
    described = about_shopper() if build in (consume, grant) else {}
    chosen, other = build(**mine, **described), build(**mine)
    post(requests(chosen, other))
    park([ToPark(message=task_message(command), reason=ParkReason.EXPIRED) for command in (chosen, other)])
    row = Transaction.objects.filter(account=account).order_by("-number")[1]

    redacted = redact_transaction(row.pk, **ANNA)

    assert redacted.messages == 1
    assert sorted(ParkedMessage.objects.values_list("state", flat=True)) == ["dismissed", "parked"]


def test_another_merchants_message_with_the_same_reference_is_not_about_it():
    account, other = opened_account(credits_bought=100), opened_account()
    command = consume_match(merchant_id=account.merchant_id)
    post(requests(command))
    stranger = command.model_copy(update={"merchant_id": other.merchant_id})
    park([ToPark(message=task_message(stranger), reason=ParkReason.IDEMPOTENCY_CONFLICT)])

    redacted = redact_transaction(of_reference("match", command.match_id).pk, **ANNA)

    assert (redacted.transactions, redacted.messages) == (1, 0)


def test_a_second_redaction_finds_nothing():
    account = opened_account(credits_bought=100)
    row = Transaction.objects.get(account=account)
    redact_transaction(row.pk, **ANNA)

    redacted = redact_transaction(row.pk, **ANNA)

    assert (redacted.transactions, redacted.messages, Redaction.objects.count()) == (0, 0, 1)


def test_an_unknown_transaction_is_refused():
    with pytest.raises(Refused, match="transaction_id: there is no such transaction"):
        redact_transaction(opened_account().pk, **ANNA)


# The guards


def updates():
    """Every column changed along with a redaction, and every redaction that is none."""
    erasing = ", ".join(f"{column} = {value}" for column, value in ERASED.items())
    for column, value in {
        "amount": "amount + 1",
        "number": "number + 1",
        "sequence": "NULL",
        "reference_id": "'other'",
        "correlation_id": "'other'",
        "actor": "'somebody'",
        "producer": "'somebody'",
        "reason": "'frozen'",
        "digest": "'0'",
        "content_digest": "''",
        "allocations": "'[1]'",
        "terms": "'{\"priority\": 1}'",
        "created_at": "'2020-01-01 00:00:00'",
        "target_id": "account_id",
    }.items():
        yield f"{erasing}, {column} = {value}"
    for column, value in {"description": "'else'", "metadata": "'{\"a\": 1}'", "salt": "'else'"}.items():
        yield ", ".join(f"{name} = {value if name == column else empty}" for name, empty in ERASED.items())
    for column, value in ERASED.items():
        yield f"{column} = {value}"


@pytest.mark.parametrize("change", list(updates()))
def test_no_other_update_of_a_transaction_is_let_through(change):
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, reference_id=fresh("g"), **about_shopper())))
    before = contents()

    with pytest.raises(IntegrityError):
        execute(f"UPDATE credit_transactions SET {change}")

    assert contents() == before


@pytest.mark.parametrize("statement", ["DELETE FROM credit_redactions", "UPDATE credit_redactions SET actor = 'x'"])
def test_the_record_of_a_redaction_stays(statement):
    redact_transaction(Transaction.objects.get(account=opened_account(credits_bought=1)).pk, **ANNA)

    with pytest.raises(IntegrityError):
        execute(statement)
