"""Adjustments: a person puts a balance right, once, with a reason."""

from datetime import UTC, datetime

import pytest

from ledger.errors import Refused
from ledger.fields import Category
from ledger.models import Account, Adjustment, Lot, OutboxRow
from ledger.outcomes import Status
from ledger.staff import adjust
from tests.ledger.builders import opened_account
from tests.ledger.staffing import LONG_AHEAD, adjusted, an_adjustment, of_reference

pytestmark = pytest.mark.django_db


def test_an_adjustment_says_who_made_it_and_why():
    told = an_adjustment(opened_account(), change=25, actor="anna", reason="billed twice")

    outcome = adjust(told)

    row = of_reference("adjust", told.adjustment_id)
    assert (outcome.status, outcome.balance) == (Status.POSTED, 25)
    assert (row.kind, row.operation, row.amount, row.actor, row.description) == (
        "adjust",
        "credit",
        25,
        "anna",
        "billed twice",
    )


def test_an_upward_adjustment_opens_a_lot_of_its_category_and_expiry():
    told = an_adjustment(opened_account(), category=Category.PAID, expires_at=LONG_AHEAD)

    adjust(told)

    lot = Lot.objects.get()
    assert (lot.category, lot.expires_at, lot.remaining) == ("paid", LONG_AHEAD, 10)


def test_a_downward_adjustment_burns_lots_and_tells_of_a_consumption():
    account = opened_account(credits_bought=30)

    outcome = adjusted(account, -12)

    assert (outcome.status, outcome.balance, Lot.objects.get().remaining) == (Status.POSTED, 18, 18)
    assert OutboxRow.objects.filter(event_type="evt.credits.consumed.v1").exists()


def test_an_adjustment_made_twice_is_made_once():
    account = opened_account()
    told = an_adjustment(account)

    first, second = adjust(told), adjust(told)

    assert (first.replayed, second.replayed) == (False, True)
    assert first.transaction_id == second.transaction_id
    assert Account.objects.get().balance == 10


def test_a_downward_adjustment_below_zero_is_declined():
    account = opened_account(credits_bought=5)

    outcome = adjusted(account, -6)

    assert (outcome.status, outcome.reason) == (Status.DECLINED, "insufficient_credits")
    assert Account.objects.get().balance == 5


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"actor": ""}, "actor"),
        ({"change": 0}, "change"),
        ({"change": 10**12 + 1}, "change"),
        ({"change": -1, "expires_at": LONG_AHEAD}, "expires_at"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": LONG_AHEAD.replace(tzinfo=None)}, "expires_at"),
        ({"category": "free"}, "category"),
    ],
)
def test_an_adjustment_that_says_too_little_or_nonsense_is_refused_by_its_field(fields, field):
    account = opened_account()

    with pytest.raises(Refused) as refused:
        an_adjustment(account, **fields)

    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


# Large ones


def test_a_large_adjustment_is_stored_until_somebody_approves_it(settings):
    settings.ADJUST_APPROVAL_LIMIT = 100
    account = opened_account(credits_bought=500)
    small, large = an_adjustment(account, change=-100), an_adjustment(account, change=-101)

    outcome, asked = adjust(small), adjust(large)

    assert outcome.status is Status.POSTED
    assert isinstance(asked, Adjustment)
    assert (asked.state, asked.change, asked.asked_by, asked.reason) == ("asked", -101, "anna", "billed twice")
    assert Account.objects.get().balance == 400


def test_a_large_adjustment_asked_for_twice_is_stored_once(settings):
    settings.ADJUST_APPROVAL_LIMIT = 0
    told = an_adjustment(opened_account())

    assert adjust(told) == adjust(told) == Adjustment.objects.get()


def test_the_id_of_a_stored_adjustment_stands_for_no_other(settings):
    settings.ADJUST_APPROVAL_LIMIT = 0
    account = opened_account()
    told = an_adjustment(account)
    adjust(told)

    with pytest.raises(Refused, match="adjustment_id: stands for another adjustment"):
        adjust(an_adjustment(account, adjustment_id=told.adjustment_id, change=11))
