"""Approval: a large adjustment needs two people, and happens once."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError

from ledger.errors import Refused
from ledger.models import Account, Adjustment, Transaction
from ledger.outcomes import Status
from ledger.staff import adjust, approve, refuse
from tests.ledger.builders import opened_account
from tests.ledger.raw_sql import execute
from tests.ledger.staffing import LONG_AHEAD, an_adjustment, of_reference
from tests.ledger.staffing import asked_for as stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_adjustment_needs_two_people(settings):
    settings.ADJUST_APPROVAL_LIMIT = 0


def asked_for(**fields):
    """A stored adjustment, asked for by anna."""
    return adjust(an_adjustment(fields.pop("account", None) or opened_account(), **fields))


def test_an_approved_adjustment_is_posted_and_names_both():
    row = asked_for(change=70)

    outcome = approve(row.pk, actor="bert", reason="checked the invoice")

    row.refresh_from_db()
    posted = of_reference("adjust", row.pk)
    assert (outcome.status, outcome.balance) == (Status.POSTED, 70)
    assert (posted.actor, posted.metadata["approved_by"]) == ("anna", "bert")
    assert (row.state, row.decided_by, row.decision_reason) == ("approved", "bert", "checked the invoice")
    assert row.decided_at is not None


def test_an_approved_adjustment_that_the_account_can_not_bear_is_declined():
    row = asked_for(change=-1)

    outcome = approve(row.pk, actor="bert")

    assert (outcome.status, outcome.reason) == (Status.DECLINED, "insufficient_credits")


@pytest.mark.parametrize("decide", [approve, refuse])
def test_who_asked_decides_nothing(decide):
    row = asked_for()

    with pytest.raises(Refused, match="actor: asked for it: another person decides"):
        decide(row.pk, actor="anna")

    assert Adjustment.objects.get().state == "asked"
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("state", ["approved", "refused"])
@pytest.mark.parametrize("decider", ["anna", ""])
def test_the_database_itself_refuses_the_asker_and_nobody_as_the_one_who_decides(state, decider):
    row = asked_for()

    with pytest.raises(IntegrityError, match="adjustment_decided_by_another"):
        Adjustment.objects.filter(pk=row.pk).update(state=state, decided_by=decider, decided_at=datetime.now(UTC))


@pytest.mark.parametrize("change", ["change = 11", "reason = 'x'", "asked_by = 'cleo'", "category = 'paid'"])
def test_what_was_asked_for_can_not_be_altered_afterwards(change):
    asked_for()

    with pytest.raises(IntegrityError, match="an adjustment stays what was asked for"):
        execute(f"UPDATE credit_adjustments SET {change}")


@pytest.mark.parametrize("decide", [approve, refuse])
@pytest.mark.parametrize("change", ["state = 'asked', decided_by = '', decided_at = NULL", "decided_by = 'cleo'"])
def test_a_decision_can_not_be_altered_afterwards(decide, change):
    decide(asked_for().pk, actor="bert")

    with pytest.raises(IntegrityError, match="an adjustment is decided once"):
        execute(f"UPDATE credit_adjustments SET {change}")


def test_no_adjustment_can_be_deleted():
    asked_for()

    with pytest.raises(IntegrityError, match="adjustment: never deleted"):
        execute("DELETE FROM credit_adjustments")


@pytest.mark.parametrize("decide", [approve, refuse])
def test_nobody_decides_nothing(decide):
    row = asked_for()

    with pytest.raises(Refused, match="actor: "):
        decide(row.pk, actor="")


def test_a_refused_adjustment_stays_on_record_and_is_never_posted():
    row = asked_for()

    refuse(row.pk, actor="bert", reason="no such invoice")

    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decision_reason) == ("refused", "bert", "no such invoice")
    with pytest.raises(Refused, match="was refused by bert"):
        approve(row.pk, actor="cleo")
    assert not Transaction.objects.exists()


def test_an_adjustment_approved_twice_is_posted_once_and_keeps_its_first_approver():
    row = asked_for()

    first, second = approve(row.pk, actor="bert"), approve(row.pk, actor="cleo")

    assert (first.replayed, second.replayed) == (False, True)
    assert Adjustment.objects.get().decided_by == "bert"
    assert Account.objects.get().balance == 10


def test_an_approved_adjustment_can_not_be_refused_any_more():
    row = asked_for()
    approve(row.pk, actor="bert")

    with pytest.raises(Refused, match="was approved by bert"):
        refuse(row.pk, actor="cleo")


def test_an_approval_that_a_crash_cut_short_is_finished_by_the_next():
    row = asked_for()
    Adjustment.objects.update(state="approved", decided_by="bert", decided_at=datetime.now(UTC))

    outcome = approve(row.pk, actor="cleo")

    assert (outcome.status, outcome.replayed) == (Status.POSTED, False)
    assert of_reference("adjust", row.pk).metadata["approved_by"] == "bert"


def test_an_adjustment_whose_expiry_has_passed_meanwhile_is_not_approved():
    told = an_adjustment(opened_account(), expires_at=LONG_AHEAD)
    row = stored(told.model_copy(update={"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}))

    with pytest.raises(Refused, match="expires_at: has passed"):
        approve(row.pk, actor="bert")

    assert Adjustment.objects.get().state == "asked"


@pytest.mark.parametrize("decide", [approve, refuse])
def test_an_unknown_adjustment_is_refused(decide):
    unknown = an_adjustment(opened_account()).adjustment_id

    with pytest.raises(Refused, match="adjustment_id: there is no such adjustment"):
        decide(unknown, actor="bert")
