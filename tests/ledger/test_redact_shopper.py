"""Erasing a shopper: nothing is left of them in any table, and the books are as right as before."""

import json
from datetime import UTC, datetime

import pytest

from ledger.errors import Refused
from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.journal.redaction import redact_shopper
from ledger.messages import Message
from ledger.models import (
    Account,
    OutboxRow,
    ParkedAct,
    ParkedMessage,
    Redaction,
    ReplayOutcome,
    Transaction,
    WaitingCommand,
)
from ledger.outcomes import ParkReason
from ledger.parking import correct, replay
from ledger.rules.chain import COVERED, row_digest
from tests.ledger.audited import assert_books_are_right
from tests.ledger.builders import consume, consume_match, grant, open_account, opened_account, requests
from tests.ledger.replaying import carry_out, replayed
from tests.ledger.stored import (
    AHEAD,
    SHOPPER,
    about_shopper,
    all_of,
    parked_of,
    sent_again_of,
    tables_naming,
    task_message,
    transactions_of,
    waiting_of,
)

pytestmark = pytest.mark.django_db

ANNA = {"actor": "anna", "reason": "asked for by the data protection officer"}
OTHER = "shopper-of-someone-else"


def test_after_a_redaction_no_table_names_the_shopper():
    all_of()
    assert tables_naming(SHOPPER) == {"credit_transactions", "credit_waiting", "credit_parked", "credit_outbox"}

    redact_shopper(SHOPPER, **ANNA)

    assert tables_naming(SHOPPER) == set()


def test_what_other_shoppers_said_and_did_stays_as_it_is():
    all_of(OTHER)
    tables = (Transaction, WaitingCommand, ParkedMessage, OutboxRow)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    all_of()

    redact_shopper(SHOPPER, **ANNA)

    for table, rows in zip(tables, before, strict=True):
        assert list(table.objects.filter(pk__in=[row["id"] for row in rows]).order_by("pk").values()) == rows


def test_a_shopper_of_one_merchant_is_not_the_one_of_that_number_elsewhere():
    here, elsewhere = opened_account(credits_bought=500), opened_account(credits_bought=500)
    transactions_of(here, "17")
    transactions_of(elsewhere, "17")
    kept = parked_of("17")

    redacted = redact_shopper("17", merchant_id=here.merchant_id, **ANNA)

    assert redacted.transactions == 6
    assert not Transaction.objects.filter(account=here, metadata__shopper_id="17").exists()
    assert Transaction.objects.filter(account=elsewhere, metadata__shopper_id="17").count() == 6
    assert ParkedMessage.objects.exclude(body="").count() == len(kept)


@pytest.mark.parametrize("shopper_id", ["shopper-ab", "17"])
def test_a_shopper_whom_a_description_names_is_found_and_a_number_is_not_taken_for_one(shopper_id):
    account = opened_account(credits_bought=17)
    ours = {"merchant_id": account.merchant_id, "amount": 1}
    post(
        requests(consume(**ours, description=f"Match for shopper {shopper_id}"), consume(**ours, description="17 rows"))
    )

    redacted = redact_shopper(shopper_id, **ANNA)

    assert redacted.transactions == 1
    left = Transaction.objects.order_by("id").values_list("description", flat=True)
    assert list(left) == ["Purchased 17 credits", "", "17 rows"]
    assert_books_are_right()


def test_a_shopper_whose_id_a_producer_wrote_as_a_number_is_found_too():
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, metadata={"shopper_id": 17})))

    redact_shopper("17", **ANNA)

    assert Transaction.objects.get().metadata == {}


# Transactions


def test_a_redacted_transaction_keeps_its_figures_its_digests_and_its_place():
    account = opened_account(credits_bought=500)
    rows = transactions_of(account)
    kept = {row.pk: {name: getattr(row, name) for name in (*COVERED, "digest")} for row in rows}

    redact_shopper(SHOPPER, **ANNA)

    for row in Transaction.objects.filter(pk__in=kept):
        assert (row.description, row.metadata, row.salt) == ("", {}, "")
        assert {name: getattr(row, name) for name in (*COVERED, "digest")} == kept[row.pk]
        assert row.content_digest


def test_the_chain_of_a_redacted_account_still_holds():
    account = opened_account(credits_bought=500)
    transactions_of(account)

    redact_shopper(SHOPPER, **ANNA)

    head = ""
    for row in Transaction.objects.filter(account=account).order_by("number").values():
        row["allocations"] = [tuple(part) for part in row["allocations"]]
        assert row["digest"] == row_digest(head, row)
        head = row["digest"]
    account.refresh_from_db()
    assert account.head == head


def test_a_credit_that_becomes_effective_after_its_redaction_is_posted_without_what_was_erased():
    account = opened_account()
    soon = datetime.now(UTC).timestamp() + 0.3
    effective_at = datetime.fromtimestamp(soon, UTC)
    post(requests(grant(merchant_id=account.merchant_id, **about_shopper(), effective_at=effective_at)))

    redact_shopper(SHOPPER, **ANNA)
    while datetime.now(UTC) <= effective_at:
        pass
    post(requests(grant(merchant_id=account.merchant_id)))

    assert Transaction.objects.filter(reference_type="activate").exists()
    assert tables_naming(SHOPPER) == set()


# Waiting commands


def test_a_redacted_waiting_command_is_applied_as_it_was_asked_for():
    command, *_ = waiting_of()
    match = command.kwargs["match_id"]

    redact_shopper(SHOPPER, **ANNA)
    post(requests(open_account(merchant_id=command.merchant_id)))

    row = Transaction.objects.get(reference_type="match", reference_id=match)
    assert (row.merchant_id, row.amount, row.stated_amount) == (command.merchant_id, 1, 1)
    assert row.metadata["shopper_id"] == "redacted"
    assert tables_naming(SHOPPER) == set()


def test_a_redacted_waiting_message_can_still_be_sent_again():
    whole = waiting_of()[2]
    before = Message.from_text(whole.message)

    redact_shopper(SHOPPER, **ANNA)

    whole.refresh_from_db()
    after = Message.from_text(whole.message)
    kwargs = json.loads(before.body)[1]
    assert json.loads(after.body) == [[], {**kwargs, "shopper_id": "redacted"}, {"callbacks": None}]
    assert (after.headers["id"], after.headers["ignore_result"]) == (before.headers["id"], False)
    assert after.properties == before.properties


# Parked messages


def test_redacted_parked_messages_are_empty_and_dismissed_by_who_redacted_them():
    rows = parked_of()

    redact_shopper(SHOPPER, **ANNA)

    for row in ParkedMessage.objects.filter(pk__in=[row.pk for row in rows]):
        assert (row.headers, row.properties, row.body, row.detail) == ("{}", "{}", "", "")
        assert (row.state, row.resolved_by) == ("dismissed", "anna")


def test_a_redacted_parked_message_can_not_be_replayed():
    rows = parked_of()
    redact_shopper(SHOPPER, **ANNA)

    sent = replay([row.pk for row in rows], by="bert", at=datetime.now(UTC))

    assert sent == []


def test_a_message_that_comes_again_after_its_redaction_is_parked_anew_and_whole():
    message = task_message(consume_match(shopper_id=SHOPPER))
    for _ in range(2):
        park([ToPark(message=message, reason=ParkReason.EXPIRED)])
        redact_shopper(SHOPPER, **ANNA)
    park([ToPark(message=message, reason=ParkReason.EXPIRED)])

    assert ParkedMessage.objects.filter(state="dismissed", body="").count() == 2
    assert ParkedMessage.objects.get(state="parked").body


# The outbox


def test_a_message_still_to_be_sent_keeps_what_is_needed_to_apply_it():
    published, unpublished = sent_again_of()
    kwargs = json.loads(unpublished.body["body"])[1]

    redact_shopper(SHOPPER, **ANNA)

    published.refresh_from_db()
    unpublished.refresh_from_db()
    assert published.body == {}
    assert json.loads(unpublished.body["body"])[1] == {**kwargs, "shopper_id": "redacted"}


def test_events_stay_as_they_were_told():
    account = opened_account(credits_bought=500)
    transactions_of(account)
    before = list(OutboxRow.objects.filter(destination="event").order_by("pk").values())

    redact_shopper(SHOPPER, **ANNA)

    assert list(OutboxRow.objects.filter(destination="event").order_by("pk").values()) == before


# The record


def test_a_redaction_is_recorded_without_what_it_erased():
    all_of()

    redacted = redact_shopper(SHOPPER, **ANNA)

    row = Redaction.objects.get()
    assert (row.transactions, row.messages) == (redacted.transactions, redacted.messages) == (6, 3 + 6 + 2 + 2)
    assert (row.actor, row.reason, row.transaction_id) == (*ANNA.values(), None)


def test_a_second_redaction_finds_nothing_and_changes_nothing():
    all_of()
    redact_shopper(SHOPPER, **ANNA)
    tables = (Transaction, WaitingCommand, ParkedMessage, OutboxRow, Redaction, Account)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    redacted = redact_shopper(SHOPPER, **ANNA)

    assert (redacted.transactions, redacted.messages) == (0, 0)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_a_redaction_that_can_not_be_recorded_erases_nothing(database_refuses):
    all_of()
    database_refuses("credit_redactions", "NEW.transactions > 0")

    with pytest.raises(Exception, match="refused by a test"):
        redact_shopper(SHOPPER, **ANNA)

    assert tables_naming(SHOPPER) == {"credit_transactions", "credit_waiting", "credit_parked", "credit_outbox"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"actor": ""}, "actor"),
        ({"actor": "x" * 256}, "actor"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"reason": f"erase {SHOPPER}, please"}, "reason"),
        ({"actor": SHOPPER}, "actor"),
    ],
)
def test_what_the_record_can_not_hold_is_refused(said, field):
    with pytest.raises(Refused) as refused:
        redact_shopper(SHOPPER, **{**ANNA, **said})

    assert refused.value.field == field


def test_nobody_is_not_erased():
    with pytest.raises(Refused, match="shopper_id: "):
        redact_shopper("", **ANNA)


def test_a_credit_far_ahead_is_redacted_before_it_is_posted():
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, **about_shopper(), effective_at=AHEAD)))

    redact_shopper(SHOPPER, **ANNA)

    assert Transaction.objects.get().status == "recorded"
    assert tables_naming(SHOPPER) == set()


def test_the_audit_of_redacted_books_finds_nothing_wrong():
    account = opened_account(credits_bought=500)
    mine = {"merchant_id": account.merchant_id}
    post(requests(consume_match(**mine, shopper_id=SHOPPER), consume(**mine, **about_shopper())))

    redact_shopper(SHOPPER, **ANNA)

    assert_books_are_right()


def test_a_correction_that_names_the_shopper_is_emptied_and_its_message_dismissed():
    message = task_message(consume())
    park([ToPark(message=message, reason=ParkReason.DEFECT)])
    row = ParkedMessage.objects.get()
    fields = {**json.loads(message.body)[1], **about_shopper()}
    correct(row.pk, body=json.dumps([[], fields, {}]), by="bert", reason="as the shop says", at=datetime.now(UTC))
    assert tables_naming(SHOPPER) == {"credit_parked_acts"}

    redact_shopper(SHOPPER, **ANNA)

    assert tables_naming(SHOPPER) == set()
    assert list(ParkedAct.objects.order_by("id").values_list("what", "actor", "reason")) == [
        ("corrected", "bert", "as the shop says"),
        ("dismissed", "anna", "redacted"),
    ]


def test_of_a_redacted_replay_that_waits_it_is_still_noted_what_becomes():
    opening = open_account()
    parked, sent = replayed(consume_match(merchant_id=opening.merchant_id, shopper_id=SHOPPER))
    carry_out(sent)

    redact_shopper(SHOPPER, **ANNA)
    post(requests(opening))

    assert [outcome.status for outcome in ReplayOutcome.objects.filter(replay__parked=parked)] == ["declined"]
