"""The audit of lots and holds: clean over books with every kind of row, and nothing wrong in them goes unseen."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from ledger import dialect
from ledger.instructions import Adjust, Freeze
from ledger.journal import post
from ledger.journal.post import post_batch
from ledger.models import Account, Hold, Lot, OutboxRow, Transaction
from tests.ledger.audited import assert_books_are_right, assert_found, audit, chain_anew, corrupt, findings, remove
from tests.ledger.builders import (
    capture,
    consume,
    grant,
    hold,
    opened_account,
    purchase,
    release,
    request,
    requests,
    reverse,
    start_trial,
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
HOUR = timedelta(hours=1)


@pytest.fixture
def books(monkeypatch):
    """One merchant's books after hours: lots that came later and expired in parts, holds that ended in every way."""
    account = opened_account(credits_bought=100)
    ours = {"merchant_id": account.merchant_id}
    soon = timezone.now() + HOUR
    bought, spent = purchase(**ours, credits=40), consume(**ours, amount=30)
    partly, freed, forgotten, kept = (hold(**ours, amount=5, expires_in_s=s) for s in (9999, 9999, 600, 99999))
    expiring = grant(**ours, amount=20, expires_at=soon, priority=0)
    post(
        requests(
            start_trial(**ours), bought, spent, expiring, grant(**ours, effective_at=soon, expires_at=2 * HOUR + soon)
        )
    )
    post(requests(partly, freed, forgotten, kept))
    taken = capture(partly, amount=3)
    ref = (spent.reference_type, spent.reference_id)
    post(
        requests(taken, release(freed), release(freed), reverse(ref, **ours, amount=7), reverse(ref, **ours, amount=99))
    )
    post(requests(reverse(("purchase", bought.purchase_id), **ours, amount=2)))
    by_ann = {**ours, "actor": "ann", "reason": "put right"}
    post(
        requests(Adjust(**by_ann, adjustment_id=uuid4(), change=15), Adjust(**by_ann, adjustment_id=uuid4(), change=-4))
    )
    post(requests(Freeze(**by_ann), consume(**ours), hold(**ours)))
    for hours in (2, 4, 40):
        monkeypatch.setattr(type(dialect.current()), "clock", lambda _, h=hours: timezone.now() + h * HOUR)
        post_batch([], merchants=[account.merchant_id])
    account.refresh_from_db()
    return account


def test_books_with_lots_and_holds_of_every_kind_are_right(books):
    statuses = set(Hold.objects.values_list("status", flat=True))
    kinds = set(Transaction.objects.values_list("kind", flat=True))
    assert statuses == {"captured", "released", "expired"}
    assert kinds == set(Transaction.Kind.values) - {"import"}
    assert Transaction.objects.filter(reference_type="activate", status="posted").exists()

    assert_books_are_right()


LOT_CHANGES = {
    "remaining": "remaining by the transactions",
    "held": "held by the transactions",
    "expiries": "expiries by the transactions",
    "amount": "amount by the transactions",
    "sequence": "sequence by the transactions",
}


@pytest.mark.parametrize(("column", "what"), LOT_CHANGES.items(), ids=LOT_CHANGES)
def test_a_lot_that_was_changed_is_found(books, column, what):
    lot = Lot.objects.filter(sequence__isnull=False, remaining__gt=0).first()
    value = getattr(lot, column)

    corrupt(lot, **{column: value + 1})

    assert_found(lot, what, expected=value, found=value + 1)


def test_lots_that_do_not_come_to_the_balance_are_found(books):
    lot = Lot.objects.filter(remaining__gt=1).first()

    corrupt(lot, remaining=lot.remaining - 1)

    assert_found(books, "balance by the sum of its lots", expected=books.balance - 1, found=books.balance)


def test_a_lot_that_is_gone_and_one_without_a_transaction_are_found(books):
    lot = Lot.objects.filter(remaining__gt=1).first()
    credit = Transaction.objects.get(id=lot.id)

    remove(lot)
    assert_found(credit, "lot", expected="one", found="none")
    lot.pk = uuid4()
    lot.save(force_insert=True)

    assert_found(lot, "transaction that opened it", expected="one", found="none")


def test_allocations_that_do_not_come_to_the_amount_are_found(books):
    row = Transaction.objects.filter(kind="consume", status="posted").first()

    corrupt(row, allocations=[])

    assert_found(row, "sum of its allocations", expected=row.amount, found=0)


def test_a_hold_that_is_not_what_its_rows_say_is_found(books):
    captured, released = Hold.objects.get(status="captured"), Hold.objects.get(status="released")

    corrupt(captured, captured=2)
    assert_found(captured, "captured by the row that did", expected=3, found=2)
    corrupt(released, status="expired")
    assert_found(released, "rows that released it", expected=0, found=1)
    corrupt(captured, amount=6)
    assert_found(captured, "amount by its row", expected=5, found=6)
    assert_found(captured, "amount by what it took of lots", expected=5, found=6)


def test_a_hold_without_its_row_and_a_row_without_its_hold_are_found(books):
    held = Hold.objects.first()
    row = Transaction.objects.get(id=held.id)

    remove(held)

    assert_found(row, "hold", expected="one", found="none")


def test_what_an_account_holds_is_what_its_open_holds_hold(books):
    corrupt(books, held=1)

    assert_found(books, "held by the sum of its open holds", expected=0, found=1)


def test_the_end_of_a_hold_that_nobody_was_told_of_is_found(books):
    ran_out = Hold.objects.filter(status="expired").first()
    remove(OutboxRow.objects.get(transaction_id=ran_out.id, event_type="evt.credits.released.v1"))

    assert_found(ran_out, "event owed", expected="evt.credits.released.v1", found="none")


# The hash chain

CHANGES = {
    "amount": 77,
    "reference_id": "another",
    "actor": "somebody",
    "producer": "somebody",
    "reason": "frozen",
    "terms": {"priority": 1},
    "allocations": [],
    "correlation_id": "another",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_row_that_was_changed_breaks_the_chain(books, column):
    row = Transaction.objects.filter(kind="consume", status="posted").first()

    corrupt(row, **{column: CHANGES[column]})

    (line,) = (line for line in findings("--chain") if "digest" in line)
    assert str(row.pk) in line


@pytest.mark.parametrize("producer", ["", "another"])
def test_a_producer_that_was_taken_away_or_changed_breaks_the_chain(producer):
    account = opened_account()
    told = request(purchase(merchant_id=account.merchant_id))._replace(producer="orders")
    post([told])
    assert findings("--chain") == []

    corrupt(Transaction.objects.get(), producer=producer)

    (line,) = findings("--chain")
    assert "digest" in line


@pytest.mark.parametrize("column", ["description", "metadata"])
def test_content_that_was_changed_is_found(books, column):
    row = Transaction.objects.filter(kind="trial").first()

    corrupt(row, **{column: "rewritten" if column == "description" else {"re": "written"}})

    (line,) = findings("--chain")
    assert f"{row.pk}: content_digest of its description and metadata" in line


def test_a_row_that_was_removed_or_put_in_is_found(books):
    row = Transaction.objects.filter(status="declined").first()
    after = Transaction.objects.get(number=row.number + 1)
    newest = Transaction.objects.order_by("-number").first()

    remove(row)
    assert_found(after, "number by the row before", expected=row.number, found=after.number)
    row.number = newest.number + 1
    row.save(force_insert=True)

    assert_found(books, "rows by its newest row", expected=row.number, found=newest.number)


def test_heads_kept_elsewhere_prove_that_history_was_not_written_anew(books, tmp_path):
    kept = tmp_path / "heads"
    code, output = audit("--chain")
    kept.write_text(output)
    assert (code, output.splitlines()[0]) == (0, f"{books.merchant_id} {books.rows} {books.head}")
    post(requests(purchase(merchant_id=books.merchant_id)))
    assert audit("--chain", "--heads", str(kept))[0] == 0

    corrupt(Transaction.objects.filter(kind="consume", status="posted").first(), actor="somebody else")
    chain_anew()

    assert findings("--chain") == []
    (line,) = findings("--chain", "--heads", str(kept))
    assert f"digest of row {books.rows} by the head kept: expected {books.head}" in line


def test_a_head_of_nobody_is_found_and_a_line_that_is_none_is_refused(books, tmp_path):
    kept = tmp_path / "heads"
    kept.write_text(f"{uuid4()} 3 {'0' * 64}\n")
    assert len(findings("--chain", "--heads", str(kept))) == 1

    kept.write_text(f"{books.merchant_id} {books.rows} {books.head}\nnonsense\n")
    with pytest.raises(Exception, match="line 2: not a merchant, a number and a digest"):
        audit("--chain", "--heads", str(kept))


def test_numbers_and_signs_of_every_kind_come_back_as_they_were_digested():
    account = opened_account()
    odd = {
        "n": [1e5, 1.5, -0.0, 10**30, 1e300, 2**53 + 1, 0.1],
        "ключ": "Zoë \U0001f600 </script>",
        "": None,
        "b": True,
    }
    post(requests(grant(merchant_id=account.merchant_id, metadata=odd, description="ß\u2028")))

    assert_books_are_right()
    assert Account.objects.get().rows == 1
