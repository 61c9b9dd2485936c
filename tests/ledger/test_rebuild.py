"""`manage.py rebuild`: balances, lots and holds anew from the transactions, and nothing but what they say."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ledger.instructions import Freeze, SetThreshold
from ledger.journal import post
from ledger.models import Account, AccountChange, Hold, Lot, OutboxRow, Transaction
from tests.ledger.audited import assert_books_are_right, corrupt, findings, remove
from tests.ledger.builders import capture, consume, hold, opened_account, release, requests
from tests.ledger.test_audit_lots import books as every_kind_of_row

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
books = every_kind_of_row  # the fixture: one account with each kind of row, lots and holds that ended in every way

ANNA = ("--actor", "anna", "--reason", "after the restore of 3 May")


def rebuild(*options):
    """Run the command: its exit code and what it printed."""
    output = StringIO()
    try:
        call_command("rebuild", *(str(option) for option in options), stdout=output)
    except SystemExit as end:
        return end.code, output.getvalue()
    return 0, output.getvalue()


def state_of(account):
    """Every column of the account, its lots and its holds."""
    return [
        list(rows.order_by("id").values())
        for rows in (
            Account.objects.filter(pk=account.pk),
            Lot.objects.filter(account=account),
            Hold.objects.filter(account=account),
        )
    ]


def test_books_that_are_right_come_out_as_they_are(books):
    code, printed = rebuild()

    assert (code, printed) == (0, "1 accounts, 0 of them deviate from their transactions\n")


ACCOUNT_COLUMNS = {
    "balance": 3, "held": 7, "total_granted": 2, "total_consumed": 1, "total_expired": 0, "sequence": 1, "rows": 2,
    "head": "f" * 64, "frozen": False, "low_balance_threshold": 9, "event_sequence": 1,
}  # fmt: skip


@pytest.mark.parametrize("column", ACCOUNT_COLUMNS)
def test_each_column_of_an_account_is_shown_and_put_right(books, column):
    right, value = state_of(books), ACCOUNT_COLUMNS[column]
    corrupt(books, **{column: value})

    shown, printed = rebuild("--check")
    written, _ = rebuild("--write", *ANNA)

    assert (shown, written) == (1, 0)
    assert f"credit_accounts {books.pk}: {column}: stored" in printed
    assert state_of(books) == right
    assert_books_are_right()


@pytest.mark.parametrize("column", ["remaining", "held", "sequence", "expiries"])
def test_each_column_of_a_lot_is_put_right(books, column):
    right = state_of(books)
    lot = Lot.objects.filter(account=books, expiries__gt=0).first()
    corrupt(lot, **{column: 4})

    rebuild("--write", *ANNA)

    assert state_of(books) == right
    assert_books_are_right()


def test_a_lot_that_is_gone_comes_back_but_for_what_no_transaction_says(books):
    lot = Lot.objects.filter(account=books, expires_at=None).latest("id")
    before = Lot.objects.filter(pk=lot.pk).values().get()
    remove(lot)

    code, _ = rebuild("--write", *ANNA)

    assert code == 0
    assert Lot.objects.filter(pk=lot.pk).values().get() == before
    assert_books_are_right()


def test_a_hold_that_was_captured_or_released_is_so_again():
    account = opened_account(credits_bought=100)
    taken, freed = (hold(merchant_id=account.merchant_id) for _ in range(2))
    post(requests(taken, freed, capture(taken, amount=4), release(freed)))
    right = state_of(account)
    for each in Hold.objects.filter(account=account):
        corrupt(each, status="open", captured=0, resolved_at=None)

    code, _ = rebuild("--write", *ANNA)

    assert code == 0
    assert state_of(account) == right
    assert_books_are_right()


def test_a_hold_that_is_gone_is_named_as_lost():
    account = opened_account(credits_bought=100)
    post(requests(hold(merchant_id=account.merchant_id)))
    gone = Hold.objects.get(account=account)
    remove(gone)

    code, printed = rebuild("--write", *ANNA)

    assert code == 1
    assert f"credit_holds {gone.pk}: gone, and which lots it took is on no transaction" in printed


def test_frozen_and_threshold_come_from_the_changes_that_staff_made():
    account = opened_account(credits_bought=100)
    by_ann = {"merchant_id": account.merchant_id, "actor": "ann", "reason": "asked for"}
    post(requests(Freeze(**by_ann), SetThreshold(**by_ann, threshold=40)))
    corrupt(account, frozen=False, low_balance_threshold=None)

    rebuild("--write", *ANNA)

    account.refresh_from_db()
    assert (account.frozen, account.low_balance_threshold) == (True, 40)


def test_whether_an_account_is_armed_comes_from_its_newest_alert():
    account = opened_account(credits_bought=100)
    post(requests(consume(merchant_id=account.merchant_id)))
    corrupt(account, armed=True)

    rebuild("--write", *ANNA)

    account.refresh_from_db()
    assert account.armed is False


def test_who_rebuilt_what_and_why_stays_on_record_and_nothing_is_told(books):
    events = OutboxRow.objects.count()
    corrupt(books, balance=3)

    rebuild("--write", *ANNA)

    change = AccountChange.objects.get(account=books, what="rebuilt")
    assert (change.actor, change.reason) == ("anna", "after the restore of 3 May")
    assert f"credit_accounts {books.pk} balance: 3" in change.before
    assert f"credit_accounts {books.pk} balance: {books.balance}" in change.after
    assert OutboxRow.objects.count() == events


def test_the_account_moves_on_after_it_was_rebuilt(books):
    account = opened_account(credits_bought=100)
    corrupt(account, balance=70, total_granted=70)
    corrupt(Lot.objects.get(account=account), remaining=70)

    rebuild("--write", *ANNA)
    (outcome,) = post(requests(consume(merchant_id=account.merchant_id, amount=90)))

    assert (outcome.status, outcome.balance) == ("posted", 10)
    assert_books_are_right()


def test_accounts_that_are_right_are_left_alone(books):
    corrupt(books, balance=3)
    bystander = opened_account(credits_bought=5)

    rebuild("--write", *ANNA)

    assert not AccountChange.objects.filter(account=bystander).exists()


def test_one_merchant_alone_is_rebuilt_where_asked(books):
    other = opened_account(credits_bought=5)
    corrupt(books, balance=3)
    corrupt(other, balance=3)

    code, printed = rebuild("--write", *ANNA, "--merchant", other.merchant_id)

    other.refresh_from_db()
    assert (code, other.balance) == (0, 5)
    assert str(books.pk) not in printed


@pytest.mark.parametrize("column", ["amount", "balance_after", "sequence", "total_granted", "reference_id"])
def test_transactions_that_do_not_follow_from_one_another_are_no_ground_to_write_on(books, column):
    row = Transaction.objects.filter(account=books, status="posted", number__gt=2).first()
    corrupt(row, **{column: 7777})
    corrupt(books, balance=3)

    code, printed = rebuild("--write", *ANNA)

    books.refresh_from_db()
    assert (code, books.balance) == (1, 3)
    assert f"credit_transactions {row.pk}: " in printed
    assert "left as it is: its transactions are broken" in printed


def test_a_transaction_that_is_gone_is_noticed(books):
    remove(Transaction.objects.get(account=books, number=2))

    code, printed = rebuild("--write", *ANNA)

    assert code == 1
    assert "number: expected 2, found 3" in printed


def test_what_the_guards_of_the_database_refuse_is_said_and_left(books):
    corrupt(books, sequence=books.sequence + 5, rows=books.rows + 5)

    code, printed = rebuild("--write", *ANNA)

    assert code == 1
    assert "left as it is, the database refuses: " in printed
    assert findings() != []


def test_writing_needs_a_reason(books):
    with pytest.raises(CommandError, match="needs --reason"):
        rebuild("--write", "--actor", "anna")


def test_an_unknown_merchant_is_refused():
    unknown = "0190f5fe-7c00-7a00-8000-00000000abcd"

    with pytest.raises(CommandError, match=unknown):
        rebuild("--merchant", unknown)
