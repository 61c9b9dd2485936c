"""The pure plan: which lots a debit takes, in which order, and lots that come later or end."""

import pytest

from ledger.fields import MAX_BALANCE
from ledger.outcomes import Status
from ledger.rules.lots import Lots
from tests.ledger.builders import consume, grant, open_account, start_trial
from tests.ledger.merchants import OURS, Merchant, at

# First and second in the order of burning, each pair settled by one rule while the rules after it say otherwise.
PAIRS = {
    "the lower priority number": ({"priority": 10, "expires_at": None}, {"priority": 20, "expires_at": 5}),
    "the earlier expiry": ({"expires_at": 5, "category": "paid"}, {"expires_at": 6, "category": "promotional"}),
    "an expiry before none": ({"expires_at": 9, "category": "paid"}, {"category": "promotional"}),
    "promotional before paid": (
        {"category": "promotional", "effective_at": 0.5},
        {"category": "paid", "effective_at": 0.25},
    ),
    "the earlier effective": ({"effective_at": 0.25}, {"effective_at": 0.5}),
}


@pytest.mark.parametrize("is_first_granted_first", [True, False], ids=["in that order", "the other way round"])
@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_lots_burn_in_the_order_of_the_contract(first, second, is_first_granted_first):
    ours = Merchant()
    named = [("first", first), ("second", second)]
    for name, terms in named if is_first_granted_first else reversed(named):
        ours.lot(name, **terms)

    ours.tell(consume(merchant_id=OURS, amount=13), hours=1)

    assert ours.took(ours.newest) == [("first", 10), ("second", 3)]
    assert ours.left() == {"first": 0, "second": 7}


def test_of_two_lots_that_are_alike_the_older_burns_first():
    ours = Merchant()
    ours.lot("older")
    ours.lot("newer")

    ours.tell(consume(merchant_id=OURS, amount=1))

    assert ours.took(ours.newest) == [("older", 1)]


def test_a_grant_for_later_is_recorded_now_and_posted_at_its_moment():
    ours = Merchant()
    later = ours.lot("later", effective_at=2)

    assert (ours.newest.status, ours.newest.sequence, ours.account.balance) == (Status.RECORDED, None, 0)
    assert not ours.told("granted")

    refused = ours.tell(consume(merchant_id=OURS, amount=1), hours=1.99)
    accepted = ours.tell(consume(merchant_id=OURS, amount=1), hours=2)

    assert (refused.status, accepted.status) == (Status.DECLINED, Status.POSTED)
    activated = ours.ledger.by_reference["activate", str(ours.id_of("later"))]
    assert (activated.kind, activated.sequence, activated.amount) == ("grant", 1, 10)
    (granted,) = ours.told("granted")
    assert (granted["original_reference_type"], granted["original_reference_id"]) == (later.reference_type, "later")
    assert ours.times("granted") == [2]
    assert ours.tell(later, hours=3).replayed


def test_of_two_lots_that_are_alike_the_older_burns_first_however_they_were_loaded():
    ours = Merchant()
    ours.lot("older")
    ours.lot("newer")
    older, newer = ours.ledger.lots.values()

    assert Lots([newer, older]).choose(1) == Lots([older, newer]).choose(1) == [(older.id, 1)]


def test_a_lot_that_opens_amid_a_batch_burns_in_its_turn():
    ours = Merchant()
    spent = [consume(merchant_id=OURS, amount=2) for _ in range(2)]
    late = grant(merchant_id=OURS, reference_id="late", amount=10)
    urgent = grant(merchant_id=OURS, reference_id="urgent", amount=10, expires_at=at(5))

    ours.tell(late, spent[0], urgent, spent[1])

    assert ours.left() == {"late": 8, "urgent": 8}


@pytest.mark.parametrize("effective_at", [1, 2])
def test_a_grant_whose_moment_has_come_is_posted_at_once(effective_at):
    ours = Merchant()

    ours.lot("lot", effective_at=effective_at, hours=2)

    assert (ours.newest.status, ours.newest.reference_id, ours.account.balance) == (Status.POSTED, "lot", 10)
    assert ours.times("granted") == [2]


def test_a_grant_that_becomes_effective_can_be_what_brings_the_recovery():
    ours = Merchant(low_balance_threshold=5)
    ours.lot("lot", 6)
    ours.lot("later", effective_at=2)
    ours.tell(consume(merchant_id=OURS, amount=3))

    ours.beat(2)

    assert (ours.times("low_balance"), ours.times("recovered")) == ([0], [2])


def test_a_grant_for_later_that_would_overfill_the_account_is_declined_then_and_never_asked_again():
    ours = Merchant()
    ours.lot("later", effective_at=2)
    ours.ledger.fill(OURS, MAX_BALANCE - 9)

    ours.beat(2)
    ours.beat(3)

    assert (ours.newest.status, ours.newest.reason, ours.newest.reference_type) == (
        Status.DECLINED, "balance_limit", "activate",
    )  # fmt: skip
    assert len(ours.told("declined")) == 1
    assert ours.left()["later"] == 0


def test_a_lot_may_expire_in_parts_and_each_is_told():
    ours = Merchant()
    ours.lot("lot", expires_at=4)
    ours.tell(consume(merchant_id=OURS, amount=3), hours=1)

    ours.beat(9)

    lot_id = ours.id_of("lot")
    expired = ours.ledger.by_reference["expire", f"{lot_id}:1"]
    assert (expired.amount, expired.total_expired, expired.target_id) == (7, 7, lot_id)
    assert ours.times("expired") == [4]
    (told,) = ours.told("expired")
    assert (told["amount"], told["balance"], told["original_reference_id"]) == (7, 0, "lot")
    assert ours.account.next_due_at is None


def test_an_expiry_is_announced_once_and_ahead_of_it():
    ours = Merchant()
    ours.lot("lot", expires_at=4)

    for hours in (2.9, 3.1, 3.2, 5):
        ours.beat(hours)

    assert ours.times("expiring_soon") == [3]
    (told,) = ours.told("expiring_soon")
    assert (told["amount"], told["reference_id"], told["expires_at"]) == (10, "lot", "2026-01-31T16:00:00.000000Z")


def test_an_expiry_that_is_over_already_is_announced_to_nobody():
    ours = Merchant()

    ours.lot("lot", expires_at=2, hours=3)

    assert (ours.times("expiring_soon"), ours.times("expired")) == ([], [3])


def test_credits_that_expired_cannot_be_spent_a_moment_later_whether_or_not_anybody_swept():
    ours = Merchant()
    ours.lot("lot", expires_at=4)

    assert ours.tell(consume(merchant_id=OURS, amount=1), hours=3.999).status is Status.POSTED
    late = ours.tell(consume(merchant_id=OURS, amount=1), hours=4)

    assert (late.status, late.balance) == (Status.DECLINED, 0)


def test_opening_again_answers_with_the_balance_that_is_left_by_then():
    ours = Merchant()
    ours.lot("lot", expires_at=4)

    assert ours.tell(open_account(merchant_id=OURS), hours=5).balance == 0


@pytest.mark.parametrize(("expires", "left"), [(True, 0), (False, 500)])
def test_a_trial_expires_at_its_end_where_the_setting_says_so(expires, left):
    ours = Merchant(trials_expire=expires)
    ours.tell(start_trial(merchant_id=OURS, ends_at="2026-01-31T14:00:00Z"))

    ours.beat(2)

    assert ours.account.balance == left
