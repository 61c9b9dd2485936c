"""Races of staff: however many press at the same moment, a thing is decided by one and happens once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.db.transaction import atomic

from ledger.errors import Refused
from ledger.models import Account, Adjustment, Transaction
from ledger.outcomes import Status
from ledger.staff import adjust, approve, refuse, retry
from tests.ledger.builders import opened_account
from tests.ledger.raw_sql import on_postgresql, somebody_waits_for_us
from tests.ledger.staffing import adjusted, an_adjustment, asked_for, declined_consumption
from tests.processes import eventually

ROUNDS = 10
pytestmark = pytest.mark.servers


def approve_as(adjustment_id, actor):
    try:
        return approve(adjustment_id, actor=actor)
    except Refused as refused:
        return str(refused)


def refuse_as(adjustment_id, actor):
    try:
        return refuse(adjustment_id, actor=actor).state
    except Refused as refused:
        return str(refused)


def decide_as(adjustment_id, actor):
    """Half of them approve, the others refuse."""
    return (approve_as if actor in ("person-0", "person-1") else refuse_as)(adjustment_id, actor)


def retry_as(transaction_id, actor):
    return retry(transaction_id, actor=actor, reason="they have paid")


def turns_of_each(racers, rows):
    return [[(row, f"person-{person}") for row in rows] for person in range(racers.size)]


def test_of_several_who_approve_at_once_one_is_the_approver_and_it_is_posted_once(own_database, racers):
    account = opened_account()
    rows = [asked_for(an_adjustment(account)).pk for _ in range(ROUNDS)]

    answers = racers.race(own_database, approve_as, *turns_of_each(racers, rows))

    for turn in range(ROUNDS):
        outcomes = [of_one[turn] for of_one in answers]
        assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * (racers.size - 1)
        assert {outcome.status for outcome in outcomes} == {Status.POSTED}
    approvers = set(Transaction.objects.values_list("reference_id", "metadata__approved_by"))
    assert approvers == {(str(row.pk), row.decided_by) for row in Adjustment.objects.all()}
    assert Account.objects.get().balance == 10 * ROUNDS


def test_of_approval_and_refusal_at_once_one_wins_and_only_an_approved_one_is_posted(own_database, racers):
    account = opened_account()
    rows = [asked_for(an_adjustment(account)).pk for _ in range(ROUNDS)]

    racers.race(own_database, decide_as, *turns_of_each(racers, rows))

    approved = Adjustment.objects.filter(state="approved")
    posted = set(Transaction.objects.values_list("reference_id", flat=True))
    assert posted == {str(row.pk) for row in approved}
    assert not Adjustment.objects.filter(state="asked").exists()


@on_postgresql
def test_who_decides_later_waits_for_the_one_before_and_finds_it_decided(own_database):
    row = asked_for(an_adjustment(opened_account())).pk

    def approve_meanwhile():
        try:
            return approve_as(row, "cleo")
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(1) as pool:
        with atomic():
            refuse(row, actor="bert")
            answer = pool.submit(approve_meanwhile)
            eventually(somebody_waits_for_us, timeout_seconds=10)
        said = answer.result()

    assert said == "adjustment_id: was refused by bert"
    assert not Transaction.objects.exists()


def test_one_adjustment_made_by_several_at_once_is_made_once(own_database, racers):
    account = opened_account()
    told = [an_adjustment(account) for _ in range(ROUNDS)]

    racers.race(own_database, adjust, *[[(one,) for one in told]] * racers.size)

    assert Account.objects.get().balance == 10 * ROUNDS
    assert Transaction.objects.count() == ROUNDS


def test_one_declined_row_retried_by_several_at_once_is_retried_once(own_database, racers):
    account = opened_account()
    declined = [declined_consumption(account).pk for _ in range(ROUNDS)]
    adjusted(account, 10_000)

    answers = racers.race(own_database, retry_as, *turns_of_each(racers, declined))

    for turn in range(ROUNDS):
        assert sorted(of_one[turn].replayed for of_one in answers) == [False] + [True] * (racers.size - 1)
    assert Account.objects.get().balance == 10_000 - 10 * ROUNDS
