"""The pure plan: reversals give back to the very lots, take from the very lot, and never more than was posted."""

import pytest

from ledger.fields import MAX_BALANCE
from ledger.instructions import Retry
from ledger.outcomes import Status
from tests.ledger.builders import capture, consume, hold, purchase, release, reverse, start_trial
from tests.ledger.merchants import OURS, Merchant


def ref(command):
    return command.reference_type, command.reference_id


def undo(command, **fields):
    return reverse(ref(command), merchant_id=OURS, **fields)


def spent(ours: Merchant, *, hours: float = 0):
    """A consumption of 9 that took 4 of the first lot and 5 of the second."""
    ours.lot("first", 4, expires_at=5)
    ours.lot("second", 8)
    command = consume(merchant_id=OURS, amount=9)
    ours.tell(command, hours=hours)
    return command


def test_what_was_taken_last_is_given_back_first_part_by_part():
    ours = Merchant()
    command = spent(ours)

    ours.tell(undo(command, amount=2))
    assert ours.took(ours.newest) == [("second", 2)]
    ours.tell(undo(command, amount=4))
    assert ours.took(ours.newest) == [("second", 3), ("first", 1)]
    ours.tell(undo(command))
    assert ours.took(ours.newest) == [("first", 3)]

    assert ours.left() == {"first": 4, "second": 8}
    assert (ours.account.total_consumed, ours.account.total_granted, ours.account.balance) == (0, 12, 12)
    assert ours.tell(undo(command)).reason == "already_reversed"


def test_a_reversal_is_told_with_what_it_reverses():
    ours = Merchant()
    command = spent(ours)

    ours.tell(undo(command, amount=2))

    (told,) = ours.told("reversed")
    assert (told["amount"], told["balance"], told["operation"]) == (2, 5, "credit")
    assert (told["original_reference_type"], told["original_reference_id"]) == ref(command)
    assert len(ours.told("granted")) == 2  # the lots: a reversal is no grant


def test_more_than_was_posted_is_never_given_back():
    ours = Merchant()
    command = spent(ours)
    ours.tell(undo(command, amount=6))

    outcome = ours.tell(undo(command, amount=4))

    assert (outcome.status, outcome.reason, ours.account.balance) == (Status.DECLINED, "more_than_posted", 9)


def test_nor_by_several_reversals_in_one_batch():
    ours = Merchant()
    command = spent(ours)

    outcome = ours.tell(undo(command, amount=6), undo(command, amount=2), undo(command, amount=2))

    assert (outcome.reason, ours.account.balance) == ("more_than_posted", 11)


def test_a_reversal_of_what_was_reversed_already_is_declined_for_all_that_there_was():
    ours = Merchant()
    command = spent(ours)
    ours.tell(undo(command))

    outcome = ours.tell(undo(command))

    assert (outcome.reason, outcome.amount) == ("already_reversed", 9)


def test_a_reversal_that_would_overfill_the_account_is_declined():
    ours = Merchant()
    command = spent(ours)
    ours.ledger.fill(OURS, MAX_BALANCE - 3 - 8)

    assert ours.tell(undo(command)).reason == "balance_limit"
    assert ours.tell(undo(command, amount=8)).status is Status.POSTED


def test_a_credit_can_be_reversed_on_a_full_account():
    ours = Merchant()
    granted = ours.lot("lot")
    ours.ledger.fill(OURS, MAX_BALANCE - 10)

    assert ours.tell(undo(granted)).status is Status.POSTED


def test_a_reversal_that_makes_a_balance_low_is_told_as_such():
    ours = Merchant(low_balance_threshold=5)
    granted = ours.lot("lot")

    ours.tell(undo(granted, amount=6))

    assert [told["balance"] for told in ours.told("low_balance")] == [4]


def test_a_reversal_that_recovers_a_balance_is_told_as_such():
    ours = Merchant(low_balance_threshold=5)
    ours.lot("lot")
    command = consume(merchant_id=OURS, amount=6)
    ours.tell(command)

    ours.tell(undo(command))

    assert [told["balance"] for told in ours.told("recovered")] == [10]


def test_what_is_given_back_to_a_lot_that_expired_meanwhile_expires_at_once():
    ours = Merchant()
    command = spent(ours)

    outcome = ours.tell(undo(command), hours=6)

    assert (outcome.status, outcome.balance) == (Status.POSTED, 12)
    assert (ours.account.balance, ours.left()) == (8, {"first": 0, "second": 8})
    assert ours.times("expired") == [6]


def test_a_capture_can_be_reversed_and_its_hold_stays_captured():
    ours = Merchant()
    ours.lot("lot")
    held = hold(merchant_id=OURS, amount=6)
    taken = capture(held, amount=4)
    ours.tell(held, taken)

    assert ours.tell(undo(taken)).status is Status.POSTED
    assert ours.account.balance == 10
    assert ours.tell(release(held)).reason == "already_captured"


def test_a_reversed_credit_takes_from_its_own_lot_alone():
    ours = Merchant()
    ours.lot("other", 50)
    bought = purchase(merchant_id=OURS, credits=20)
    ours.tell(bought)

    outcome = ours.tell(reverse(("purchase", bought.purchase_id), merchant_id=OURS))

    assert (outcome.status, outcome.amount) == (Status.POSTED, 20)
    assert ours.left() == {"other": 50, bought.purchase_id: 0}
    assert (ours.account.total_granted, ours.account.total_consumed) == (50, 0)


@pytest.mark.parametrize(
    ("on_shortfall", "status", "reason", "amount", "left"),
    [("decline", "declined", "already_spent", 10, 3), ("take_what_is_left", "posted", None, 3, 0)],
)
def test_where_less_is_left_than_asked_the_caller_chooses(on_shortfall, status, reason, amount, left):
    ours = Merchant()
    granted = ours.lot("lot")
    ours.tell(consume(merchant_id=OURS, amount=7))

    outcome = ours.tell(undo(granted, on_shortfall=on_shortfall))

    assert (outcome.status, outcome.reason, outcome.amount) == (status, reason, amount)
    assert ours.account.balance == left


def test_where_nothing_is_left_nothing_is_taken_whatever_the_caller_chose():
    ours = Merchant()
    granted = ours.lot("lot")
    ours.tell(consume(merchant_id=OURS, amount=10))

    outcome = ours.tell(undo(granted, on_shortfall="take_what_is_left"))

    assert (outcome.status, outcome.reason, outcome.amount) == (Status.DECLINED, "already_spent", 10)


def test_what_a_hold_has_set_aside_is_not_left_for_a_reversal():
    ours = Merchant()
    granted = ours.lot("lot")
    ours.tell(hold(merchant_id=OURS, amount=7))

    assert ours.tell(undo(granted, amount=4)).reason == "already_spent"
    assert ours.tell(undo(granted, amount=3)).status is Status.POSTED


def test_reversals_expiries_holds_and_what_was_declined_or_is_not_posted_yet_are_not_reversible():
    ours = Merchant()
    granted = ours.lot("lot", expires_at=2)
    pending = ours.lot("pending", effective_at=9)
    held, declined = hold(merchant_id=OURS, amount=1), consume(merchant_id=OURS, amount=99)
    reversal = undo(granted, amount=1)
    ours.tell(held, declined, reversal, release(held))
    ours.beat(3)
    expiry = ("expire", f"{ours.id_of('lot')}:1")

    targets = [expiry, *(ref(command) for command in (pending, held, declined, reversal))]
    assert [ours.tell(reverse(target, merchant_id=OURS), hours=3).reason for target in targets] == [
        "not_reversible"
    ] * 5


def test_a_retried_reversal_of_all_asks_for_what_is_left_by_then():
    ours = Merchant()
    granted, spent = ours.lot("lot"), consume(merchant_id=OURS, amount=7)
    ours.tell(spent)
    declined = ours.tell(undo(granted))
    row = ours.newest
    ours.tell(undo(granted, amount=1), undo(spent))

    who = {"merchant_id": OURS, "actor": "ann", "reason": "the customer insists"}
    names = ("kind", "operation", "amount", "stated_amount", "description", "metadata", "terms")
    outcome = ours.tell(Retry(**who, transaction_id=row.id, **{name: getattr(row, name) for name in names}))

    assert (declined.reason, outcome.status, outcome.amount) == ("already_spent", Status.POSTED, 9)
    assert (outcome.reference_type, outcome.reference_id, ours.newest.actor) == ("retry", str(row.id), "ann")
    assert ours.account.balance == 0


def test_an_activated_grant_is_reversed_by_its_own_reference():
    ours = Merchant()
    granted = ours.lot("later", effective_at=2)
    ours.beat(2)

    assert ours.tell(undo(granted), hours=3).status is Status.POSTED
    assert ours.account.balance == 0


def test_a_trial_can_be_reversed_and_an_unknown_target_waits():
    ours = Merchant()
    trial = reverse(("trial", f"TRIAL_GRANT_{OURS}"), merchant_id=OURS)

    assert ours.tell(trial).status is Status.WAITING
    ours.tell(start_trial(merchant_id=OURS))
    ours.ledger.sweep()

    assert ours.account.balance == 0
