"""The pure plan: holds, and the one resolution that wins."""

import pytest

from ledger.outcomes import Status
from tests.ledger.builders import capture, consume, hold, release
from tests.ledger.merchants import OURS, Merchant, at


def held(ours: Merchant, amount: int = 6, **fields):
    command = hold(merchant_id=OURS, amount=amount, **fields)
    ours.tell(command)
    return command


def test_a_hold_moves_nothing_and_makes_less_available():
    ours = Merchant(low_balance_threshold=5)
    ours.lot("lot")

    command = held(ours)
    beyond = ours.tell(consume(merchant_id=OURS, amount=5))
    within = ours.tell(consume(merchant_id=OURS, amount=4))

    assert (beyond.reason, beyond.balance, within.status) == ("insufficient_credits", 10, Status.POSTED)
    assert (ours.account.balance, ours.account.held, ours.account.available) == (6, 6, 0)
    (told,) = ours.told("held")
    assert (told["amount"], told["balance"], told["available"]) == (6, 10, 4)
    assert not ours.told("low_balance")  # it looks at the balance, not at what is available
    assert ours.tell(command).replayed


def test_a_hold_may_take_the_last_credit_and_no_more():
    ours = Merchant()
    ours.lot("lot")

    beyond = ours.tell(hold(merchant_id=OURS, amount=11))
    all_of_it = ours.tell(hold(merchant_id=OURS, amount=10))

    assert (beyond.reason, all_of_it.status, ours.account.available) == ("insufficient_credits", Status.RECORDED, 0)


def test_a_capture_that_makes_a_balance_low_is_told_as_such():
    ours = Merchant(low_balance_threshold=5)
    ours.lot("lot")
    command = held(ours)

    ours.tell(capture(command))

    assert [told["balance"] for told in ours.told("low_balance")] == [4]


def test_a_released_hold_is_told_and_frees_all_of_it():
    ours = Merchant()
    ours.lot("lot")
    command = held(ours)

    ours.tell(release(command))

    (told,) = ours.told("released")
    assert (told["amount"], told["available"], told["reason"]) == (6, 10, "released")
    assert told["hold_reference_id"] == command.reference_id


def test_a_capture_of_a_part_frees_the_rest():
    ours = Merchant()
    ours.lot("lot")
    command = held(ours)

    outcome = ours.tell(capture(command, amount=4))

    assert (outcome.status, outcome.amount, outcome.balance) == (Status.POSTED, 4, 6)
    assert (ours.account.held, ours.account.total_consumed) == (0, 4)
    (told,) = ours.told("captured")
    assert (told["amount"], told["released_amount"], told["hold_reference_id"]) == (4, 2, command.reference_id)
    assert not ours.told("released")
    assert not ours.told("consumed")


def test_a_capture_takes_the_lots_that_were_held_in_their_order():
    ours = Merchant()
    ours.lot("first", 4)
    ours.lot("second", 4)
    command = held(ours)
    ours.lot("urgent", 9, expires_at=2)

    ours.tell(capture(command, amount=5))

    assert ours.took(ours.newest) == [("first", 4), ("second", 1)]
    assert ours.left() == {"first": 0, "second": 3, "urgent": 9}


def test_capturing_more_than_was_held_is_declined_and_resolves_nothing():
    ours = Merchant()
    ours.lot("lot")
    command = held(ours)

    outcome = ours.tell(capture(command, amount=7))

    assert (outcome.reason, ours.account.held) == ("more_than_held", 6)
    assert ours.tell(capture(command)).status is Status.POSTED


RESOLUTIONS = {
    "captured": lambda ours, command: ours.tell(capture(command, amount=1)),
    "released": lambda ours, command: ours.tell(release(command)),
    "expired": lambda ours, command: ours.beat(1),
}


@pytest.mark.parametrize("later", [capture, release])
@pytest.mark.parametrize(("status", "resolve"), RESOLUTIONS.items(), ids=RESOLUTIONS)
def test_one_resolution_wins_and_later_ones_are_declined_by_its_name(later, status, resolve):
    ours = Merchant()
    ours.lot("lot")
    command = held(ours)
    resolve(ours, command)
    before = ours.account

    outcome = ours.tell(later(command), hours=1)

    assert (outcome.status, outcome.reason) == (Status.DECLINED, f"already_{status}")
    assert (ours.account.balance, ours.account.held) == (before.balance, 0)
    assert ours.told("declined")[-1]["reason"] == f"already_{status}"


def test_a_hold_is_void_at_the_moment_when_its_time_is_over():
    ours = Merchant()
    ours.lot("lot")
    command = held(ours, expires_in_s=3600)

    assert ours.tell(consume(merchant_id=OURS, amount=10), hours=0.999).status is Status.DECLINED
    assert ours.tell(consume(merchant_id=OURS, amount=10), hours=1).status is Status.POSTED
    assert ours.times("released") == [1]
    assert ours.told("released")[0]["reason"] == "expired"
    (hold_kept,) = ours.ledger.holds.values()
    assert (hold_kept.reference_id, hold_kept.status, hold_kept.resolved_at) == (command.reference_id, "expired", at(1))


def test_a_hold_that_runs_out_frees_a_lot_until_its_own_expiry_and_no_earlier():
    ours = Merchant()
    ours.lot("lot", expires_at=9)
    held(ours, expires_in_s=3600)

    ours.beat(2)
    assert (ours.account.balance, ours.account.available) == (10, 10)
    ours.beat(9)

    assert (ours.account.balance, ours.times("expired")) == (0, [9])


def test_a_lot_does_not_expire_under_a_hold_but_at_once_when_the_hold_is_released():
    ours = Merchant()
    ours.lot("lot", expires_at=2)
    command = held(ours, expires_in_s=5 * 3600)

    ours.beat(3)
    assert (ours.account.balance, ours.account.held) == (6, 6)

    ours.tell(release(command), hours=4)

    assert (ours.account.balance, ours.account.held) == (0, 0)
    assert ours.times("expired") == [2, 4]
    assert [entry.amount for entry in ours.ledger.entries if entry.kind == "expire"] == [4, 6]


def test_what_is_no_hold_is_declined_as_such():
    ours = Merchant()
    ours.lot("lot")
    bought = consume(merchant_id=OURS, amount=1)
    ours.tell(bought)

    assert ours.tell(capture(bought)).reason == "not_a_hold"
    assert ours.tell(release(bought)).reason == "not_a_hold"


def test_a_capture_of_an_unknown_hold_waits_until_the_hold_is_there():
    ours = Merchant()
    ours.lot("lot")
    command = hold(merchant_id=OURS, amount=6)

    assert ours.tell(capture(command)).status is Status.WAITING
    ours.tell(command)
    ours.ledger.sweep()

    assert (ours.account.balance, ours.account.held) == (4, 0)
