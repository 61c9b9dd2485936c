"""The audit of events: gapless numbers, nothing told without its transaction, nothing owed and not told."""

from datetime import timedelta
from uuid import uuid4

import pytest

from ledger.models import Account, OutboxBatch, OutboxRow, Transaction
from tests.ledger.audited import assert_books_are_right, assert_found, chain_anew, corrupt, findings, remove
from tests.ledger.books import story
from tests.ledger.builders import opened_account
from tests.ledger.outbox_rows import confirmed

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EVENTS = [
    ("bought", "granted"),
    ("ran_low", "consumed"),
    ("ran_low", "low_balance"),
    ("ran_out", "consumed"),
    ("ran_out", "exhausted"),
    ("declined", "insufficient"),
    ("topped_up", "granted"),
    ("topped_up", "recovered"),
]


def made_long_ago(*, days: int) -> None:
    """Move the books of the test into the past, by force."""
    earlier = timedelta(days=days)
    for account in Account.objects.all():
        corrupt(account, created_at=account.created_at - earlier, updated_at=account.updated_at - earlier)
    for row in [*Transaction.objects.all(), *OutboxRow.objects.all()]:
        corrupt(row, created_at=row.created_at - earlier)
    chain_anew()


# Numbers


@pytest.mark.parametrize(("transaction", "event"), EVENTS)
def test_a_removed_event_is_found_wherever_it_stood(transaction, event):
    told = story()
    row = told.event(getattr(told, transaction), event)
    successor = OutboxRow.objects.filter(account=told.account, account_sequence=row.account_sequence + 1).first()

    remove(row)

    if successor:
        what, expected = "account_sequence by the event before", row.account_sequence
        assert_found(successor, what, expected=expected, found=expected + 1)
    else:
        assert_found(told.account, "event_sequence by its newest event", expected=7, found=8)


def test_an_account_that_counts_fewer_events_than_were_told_is_found():
    told = story()

    corrupt(told.account, event_sequence=7)

    assert_found(told.account, "event_sequence by its newest event", expected=8, found=7)


def test_an_account_that_counts_events_and_has_none_is_found():
    account = opened_account(credits_bought=100)

    remove(OutboxRow.objects.get())

    assert_found(account, "event_sequence by its newest event", expected=0, found=1)


def test_an_alert_told_before_its_cause_is_found():
    told = story()
    consumed, low = told.event(told.ran_low, "consumed"), told.event(told.ran_low, "low_balance")

    corrupt(low, account_sequence=99)
    corrupt(consumed, account_sequence=3)
    corrupt(low, account_sequence=2)

    after = "after evt.credits.low_balance.v1"
    assert_found(consumed, "order within one change", expected="evt.credits.consumed.v1 first", found=after)


def test_events_that_have_been_pruned_are_not_missed():
    told = story()
    confirmed()
    made_long_ago(days=8)

    for transaction, event in EVENTS[:5]:
        remove(told.event(getattr(told, transaction), event))

    assert_books_are_right()


def test_an_event_left_between_pruned_ones_is_no_gap():
    told = story()
    confirmed()
    made_long_ago(days=8)

    for transaction, event in EVENTS:
        if event != "low_balance":
            remove(told.event(getattr(told, transaction), event))

    assert_books_are_right()


def test_events_younger_than_the_retention_are_missed():
    told = story()
    made_long_ago(days=6)

    remove(told.event(told.bought, "granted"))

    assert_found(told.bought, "event owed", expected="evt.credits.granted.v1", found="none")


# What each event says


@pytest.mark.parametrize(("transaction", "event"), EVENTS)
def test_an_event_without_its_transaction_is_found(transaction, event):
    told = story()
    row, nowhere = told.event(getattr(told, transaction), event), uuid4()

    corrupt(row, transaction_id=nowhere)

    assert_found(row, "transaction_id", expected=f"a transaction {nowhere}", found="none")


@pytest.mark.parametrize(
    ("event", "of_another"),
    [
        ("granted", "ran_low"),
        ("consumed", "bought"),
        ("insufficient", "ran_low"),
        ("exhausted", "ran_low"),
        ("low_balance", "bought"),
        ("recovered", "ran_out"),
    ],
)
def test_an_event_that_its_transaction_does_not_give_rise_to_is_found(event, of_another):
    told = story()
    transaction = {name: row for row, name in reversed(EVENTS)}[event]
    row = told.event(getattr(told, transaction), event)

    corrupt(row, transaction_id=getattr(told, of_another).id)

    what = "event_type by its transaction"
    assert_found(row, what, expected="one that it gives rise to", found=row.event_type)


@pytest.mark.parametrize(
    ("transaction", "event", "path", "right", "wrong"),
    [
        ("bought", "granted", "event_type", "evt.credits.granted.v1", "evt.credits.consumed.v1"),
        ("bought", "granted", "source_service", "credit-service", "somebody-else"),
        ("bought", "granted", "correlation_id", "corr_0123456789ab", "corr_another"),
        ("bought", "granted", "metadata.account_sequence", 1, 2),
        ("bought", "granted", "metadata.transaction_sequence", 1, None),
        ("declined", "insufficient", "metadata.transaction_sequence", None, 1),
        ("bought", "granted", "data.amount", 150, 151),
        ("bought", "granted", "data.balance", 150, 0),
        ("bought", "granted", "data.reference_type", "purchase", "trial"),
        ("ran_low", "consumed", "data.balance", 90, 91),
        ("declined", "insufficient", "data.attempted_amount", 1, 2),
        ("ran_low", "low_balance", "data.balance", 90, 91),
        ("topped_up", "recovered", "data.balance", 500, 501),
    ],
)
def test_an_event_that_says_otherwise_than_its_transaction_is_found(transaction, event, path, right, wrong):
    told = story()
    row = told.event(getattr(told, transaction), event)
    *outer, key = path.split(".")
    body = dict(row.body)
    part = body
    for name in outer:
        part = part[name]
    part[key] = wrong

    corrupt(row, body=body)

    assert_found(row, f"body.{path}", expected=right, found=wrong)


def test_an_event_id_that_is_not_made_from_its_transaction_is_found():
    told = story()
    row, another = told.event(told.bought, "granted"), str(uuid4())

    corrupt(row, body={**row.body, "event_id": another})

    assert_found(row, "body.event_id", expected=row.body["event_id"], found=another)


@pytest.mark.parametrize(
    ("event", "transaction", "threshold"),
    [("low_balance", "ran_low", 90), ("recovered", "topped_up", 501), ("low_balance", "ran_low", None)],
)
def test_an_alert_that_its_own_threshold_does_not_bear_out_is_found(event, transaction, threshold):
    told = story()
    row = told.event(getattr(told, transaction), event)

    corrupt(row, body={**row.body, "data": {**row.body["data"], "threshold": threshold}})

    what = "event_type by its transaction"
    assert_found(row, what, expected="one that it gives rise to", found=row.event_type)


def test_an_event_of_an_unknown_type_is_found():
    told = story()
    row = told.event(told.bought, "granted")

    corrupt(row, event_type="evt.credits.lost.v1")

    assert_found(row, "event_type", expected="a known one", found="'evt.credits.lost.v1'")


def test_an_event_of_another_account_than_its_transaction_is_found():
    told = story()
    row = told.event(told.topped_up, "recovered")

    corrupt(row, account_id=told.bystander.id)

    expected, found = told.account.id, told.bystander.id
    assert_found(row, "account_id by its transaction", expected=expected, found=found)


def test_an_event_on_its_way_to_the_wrong_place_is_found():
    told = story()
    row = told.event(told.ran_low, "low_balance")

    corrupt(row, destination="event")

    assert any(f"credit_outbox {row.id}: destination" in line for line in findings())


# What is owed


@pytest.mark.parametrize(
    ("transaction", "event"), [pair for pair in EVENTS if pair[1] not in ("low_balance", "recovered")]
)
def test_a_transaction_that_told_nothing_is_found(transaction, event):
    told = story()
    row = getattr(told, transaction)

    remove(told.event(row, event))

    assert_found(row, "event owed", expected=f"evt.credits.{event}.v1", found="none")


# Batches


def test_a_row_whose_batch_is_gone_is_found():
    told = story()
    row = told.event(told.bought, "granted")
    batch = row.batch

    remove(batch)

    assert_found(row, "its batch", expected=batch.id, found="none")


def test_a_batch_that_says_more_rows_than_it_has_is_found():
    story()
    batch = OutboxBatch.objects.all()[0]

    corrupt(batch, size=batch.size + 1)

    assert_found(batch, "size of what is to be published", expected=batch.size, found=batch.size + 1)
