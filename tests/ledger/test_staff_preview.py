"""Previews: what an adjustment will come to, worked out beforehand by the rules themselves."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.journal import post
from ledger.models import Lot, OutboxRow, Transaction
from ledger.staff import adjust, preview
from ledger.staff.preview import due_on
from tests.ledger.builders import grant, hold, opened_account, requests
from tests.ledger.raw_sql import contents
from tests.ledger.staffing import an_adjustment, of_reference


@pytest.mark.django_db
@pytest.mark.parametrize("change", [7, -7, -31])
def test_a_preview_shows_what_is_then_posted(change):
    account = opened_account(credits_bought=30)
    told = an_adjustment(account, change=change)

    seen = preview(told)
    outcome = adjust(told)

    row = of_reference("adjust", told.adjustment_id)
    assert (seen.outcome.status, seen.outcome.reason) == (outcome.status, outcome.reason)
    assert (seen.before, seen.after) == (row.balance_before, row.balance_after)


@pytest.mark.django_db
def test_a_preview_writes_nothing():
    account = opened_account(credits_bought=30)
    before = contents(), Lot.objects.values_list()[0], OutboxRow.objects.count()

    preview(an_adjustment(account, change=-7))

    assert (contents(), Lot.objects.values_list()[0], OutboxRow.objects.count()) == before


@pytest.mark.django_db
def test_a_preview_says_that_what_is_held_can_not_be_taken():
    account = opened_account(credits_bought=30)
    post(requests(hold(merchant_id=account.merchant_id, amount=25)))

    seen = preview(an_adjustment(account, change=-6))

    assert (seen.is_declined, seen.outcome.reason, seen.held, seen.after) == (True, "insufficient_credits", 25, 30)


@pytest.mark.django_db
def test_a_preview_counts_in_what_is_due_and_not_yet_posted():
    account = opened_account(credits_bought=30)
    about_to_expire = datetime.now(UTC) + timedelta(milliseconds=150)
    post(requests(grant(merchant_id=account.merchant_id, amount=100, expires_at=about_to_expire)))
    while datetime.now(UTC) <= about_to_expire:
        pass

    due = due_on(account.merchant_id)
    seen = preview(an_adjustment(account, change=-31))

    assert [(entry.kind, entry.amount) for entry in due] == [("expire", 100)]
    assert (seen.before, seen.outcome.reason) == (30, "insufficient_credits")
    assert not Transaction.objects.filter(kind="expire").exists()


@pytest.mark.usefixtures("own_database")
def test_a_preview_is_read_in_a_view_of_its_own_and_the_connection_can_write_afterwards():
    told = an_adjustment(opened_account(credits_bought=30), change=-7)

    seen = preview(told)

    assert adjust(told).balance == seen.after == 23
