"""The audit as a whole: what it prints, how it ends, and that it neither writes nor stands in a writer's way."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from ledger.audit import snapshot
from ledger.journal import post
from ledger.models import OutboxBatch, Transaction
from tests.ledger.audited import assert_books_are_right, assert_found, audit, corrupt, findings, without_savepoint
from tests.ledger.books import story
from tests.ledger.builders import opened_account, purchase, request
from tests.ledger.outbox_rows import each_apart

pytestmark = pytest.mark.usefixtures("own_database")


def test_empty_books_are_right():
    assert_books_are_right()


def test_books_with_every_kind_of_row_and_event_are_right():
    story()

    assert_books_are_right()


def test_an_audit_says_what_it_looked_at():
    story()

    _, output = audit()

    assert "2 accounts, 5 posted and 1 declined or recorded transactions, 9 events" in output
    assert output.endswith("The books are right.\n")


def test_an_audit_prints_the_trial_balance_by_kind():
    story()

    _, output = audit()

    table = [line.split() for line in output.split("\n\n")[1].splitlines()]
    assert table == [
        ["kind", "credits", "debits", "net"],
        ["consume", "0", "150", "-150"],
        ["purchase", "650", "0", "650"],
        ["trial", "500", "0", "500"],
        ["total", "1150", "150", "1000"],
        ["balances", "1000"],
    ]


def test_an_audit_of_wrong_books_exits_1_and_says_so():
    corrupt(story().account, balance=1)

    code, output = audit()

    assert code == 1
    assert "The books are WRONG" in output


def test_an_audit_of_one_merchant_leaves_the_others_out():
    told = story()
    corrupt(told.account, balance=1)

    bystander, wronged = (
        audit("--merchant", str(account.merchant_id))[0] for account in (told.bystander, told.account)
    )

    assert (bystander, wronged) == (0, 1)


def test_an_audit_of_a_merchant_without_account_is_refused():
    with pytest.raises(CommandError, match="has no account"):
        call_command("audit", "--merchant", str(uuid4()))


@pytest.mark.parametrize(
    "option", ["--merchant=shop.example.com", "--alerts-since=yesterday", "--alerts-since=2026-01-01"]
)
def test_an_option_that_means_nothing_is_refused(option):
    with pytest.raises(CommandError, match=f"argument {option.split('=')[0]}: "):
        call_command("audit", option)


def test_rows_that_wait_too_long_to_be_published_are_a_warning_and_not_wrong():
    told = story()
    each_apart()
    late = told.event(told.bought, "granted")
    OutboxBatch.objects.exclude(pk=late.batch_id).update(published_at=datetime.now(UTC))
    corrupt(late, created_at=late.created_at - timedelta(minutes=2))

    code, output = audit()

    assert code == 0
    assert "warning: credit_outbox (all rows): unpublished for more than 60 seconds: expected 0, found 1" in output


def test_an_audit_sees_one_state_of_the_books_and_holds_nobody_up():
    account = opened_account(credits_bought=100)

    with snapshot():
        before = Transaction.objects.count()
        writer = Thread(target=post_and_hang_up, args=[account.merchant_id])
        writer.start()
        writer.join(timeout=10)
        is_held_up = writer.is_alive()
        during = Transaction.objects.count()
    writer.join()

    assert not is_held_up
    assert (before, during, Transaction.objects.count()) == (1, 1, 2)


def post_and_hang_up(merchant_id):
    post([request(purchase(merchant_id=merchant_id))])
    connection.close()


def test_an_audit_cannot_write():
    opened_account(credits_bought=100)

    with pytest.raises(DatabaseError, match=r"(?i)read-?only"), snapshot():
        without_savepoint("UPDATE credit_accounts SET armed = armed")


def test_after_an_audit_its_connection_writes_again():
    account = opened_account(credits_bought=100)
    findings()

    post([request(purchase(merchant_id=account.merchant_id))])

    assert Transaction.objects.count() == 2


def test_a_row_without_account_is_found():
    told = story()
    nowhere = uuid4()

    corrupt(told.declined, account_id=nowhere)

    assert_found(
        told.declined, "merchant_id by its account", expected=f"an account {nowhere}", found=told.account.merchant_id
    )
