"""The pure plan: replays and conflicts, what is compared and what is not, and the order of the checks."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.commands import Command
from ledger.fields import MAX_AMOUNT, MAX_BALANCE
from ledger.outcomes import Outcome, Status
from ledger.rules.state import Policy
from tests.ledger.builders import (
    capture,
    consume,
    consume_match,
    grant,
    hold,
    merchant,
    open_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.paper import PaperLedger

OURS, THEIRS = merchant(1), merchant(2)
REFERENCE = {"reference_type": "promotion", "reference_id": "spring"}


def ledger_of(*commands: Command, policy: Policy | None = None) -> PaperLedger:
    """A ledger with both merchants' accounts open, 20 credits in each, that has decided these commands."""
    ledger = PaperLedger(policy or Policy())
    for merchant_id in (OURS, THEIRS):
        ledger.post(
            *requests(open_account(merchant_id=merchant_id), purchase(merchant_id=merchant_id, credits=20)),
        )
    for command in commands:
        ledger.post(request(command))
    return ledger


def decided(ledger: PaperLedger, command: Command) -> tuple[Outcome, dict[str, Any]]:
    """The outcome of a command, and what deciding it changed."""
    before = state(ledger)
    (outcome,) = ledger.post(request(command))
    after = state(ledger)
    return outcome, {name: after[name] for name in after if after[name] != before[name]}


def state(ledger: PaperLedger) -> dict[str, Any]:
    return {
        "accounts": {account.merchant_id: replace(account) for account in ledger.accounts.values()},
        "entries": len(ledger.entries),
        "events": len(ledger.events),
        "parked": len(ledger.parked),
        "waiting": len(ledger.waiting),
        "differences": len(ledger.differences),
    }


MOVEMENTS = {
    "start_trial": start_trial(merchant_id=OURS),
    "purchase": purchase(merchant_id=OURS),
    "grant": grant(merchant_id=OURS),
    "consume_match": consume_match(merchant_id=OURS),
    "consume": consume(merchant_id=OURS),
}
DECLINED = {
    "consume": (consume(merchant_id=OURS, amount=21), "insufficient_credits"),
    "consume a match": (consume_match(merchant_id=OURS), "insufficient_credits"),
    "grant": (grant(merchant_id=OURS, amount=1), "balance_limit"),
    "purchase": (purchase(merchant_id=OURS, credits=1), "balance_limit"),
    "trial": (start_trial(merchant_id=OURS), "balance_limit"),
}
each_movement = pytest.mark.parametrize("command", MOVEMENTS.values(), ids=MOVEMENTS)


# Replays


@each_movement
def test_a_repeat_changes_nothing_and_returns_the_first_outcome(command):
    ledger = ledger_of(command)
    first = ledger.outcomes[-1]
    ledger.post(request(grant(merchant_id=OURS)))  # the balance has moved on; the stored outcome has not

    outcome, changed = decided(ledger, command)

    assert outcome == first._replace(replayed=True)
    assert first.status is Status.POSTED
    assert not changed


@each_movement
def test_a_repeat_within_one_batch_is_a_replay_too(command):
    ledger = ledger_of()

    first, second = ledger.post(request(command), request(command))

    assert second == first._replace(replayed=True)
    assert len(ledger.entries) == len({entry.reference_id for entry in ledger.entries})


@pytest.mark.parametrize(("command", "reason"), DECLINED.values(), ids=DECLINED)
def test_a_decline_is_final_even_when_the_credits_or_the_room_are_there_now(command, reason):
    ledger = ledger_of()
    account = ledger.accounts[OURS]
    before, account.balance = account.balance, 0 if reason == "insufficient_credits" else MAX_BALANCE
    (first,) = ledger.post(request(command))
    ledger.accounts[OURS].balance = before + 50

    outcome, changed = decided(ledger, command)

    assert (first.status, first.reason) == (Status.DECLINED, reason)
    assert outcome == first._replace(replayed=True)
    assert not changed


def test_a_decline_repeated_within_one_batch_says_why_again():
    ledger = ledger_of()
    command = consume(merchant_id=OURS, amount=21)

    first, second = ledger.post(request(command), request(command))

    assert (first.reason, second) == ("insufficient_credits", first._replace(replayed=True))


def test_opening_again_with_the_same_values_changes_nothing():
    opening = open_account()
    ledger = ledger_of(opening)

    outcome, changed = decided(ledger, opening)

    assert (outcome.status, outcome.reason, outcome.balance) == (Status.UNCHANGED, None, 0)
    assert not changed


@pytest.mark.parametrize("field", ["platform_name", "platform_shop_id", "shop_domain"])
def test_opening_again_with_another_shop_changes_nothing_and_is_listed(field):
    other = {"platform_name": "magento", "platform_shop_id": "other", "shop_domain": "other.example.com"}
    opening = open_account()
    ledger = ledger_of(opening)

    outcome, changed = decided(ledger, opening.model_copy(update={field: other[field]}))

    assert (outcome.status, outcome.reason) == (Status.UNCHANGED, "shop_differs")
    assert changed == {"differences": 1}
    assert getattr(ledger.differences[0], field) == other[field]


# What is compared, and what is not


def assert_conflicts(held: Command, command: Command, policy: Policy | None = None) -> None:
    ledger = ledger_of(held, policy=policy)

    outcome, changed = decided(ledger, command)

    assert outcome.status is Status.PARKED
    assert outcome.merchant_id == command.merchant_id
    assert outcome.transaction_id is None
    assert outcome.balance is None
    assert str(outcome.reason).startswith("idempotency_conflict: reference_id: ")
    assert changed == {"parked": 1}
    assert ledger.parked[0].conflicts_with == ledger.entries[-1].id
    assert ledger.parked[0].request.command == command


CONFLICTS = {
    "another merchant buys it": (
        purchase(merchant_id=OURS, purchase_id="p"),
        purchase(merchant_id=THEIRS, purchase_id="p"),
    ),
    "another merchant is matched": (
        consume_match(merchant_id=OURS, match_id="m"),
        consume_match(merchant_id=THEIRS, match_id="m"),
    ),
    "another merchant is granted it": (grant(merchant_id=OURS, **REFERENCE), grant(merchant_id=THEIRS, **REFERENCE)),
    "another merchant consumes it": (
        consume(merchant_id=OURS, **REFERENCE),
        consume(merchant_id=THEIRS, **REFERENCE),
    ),
    "a debit after a credit": (grant(merchant_id=OURS, **REFERENCE), consume(merchant_id=OURS, **REFERENCE)),
    "a credit after a debit": (consume(merchant_id=OURS, **REFERENCE), grant(merchant_id=OURS, **REFERENCE)),
    "another amount bought": (
        purchase(merchant_id=OURS, purchase_id="p", credits=10),
        purchase(merchant_id=OURS, purchase_id="p", credits=11),
    ),
    "another amount granted": (
        grant(merchant_id=OURS, amount=10, **REFERENCE),
        grant(merchant_id=OURS, amount=9, **REFERENCE),
    ),
    "another amount consumed": (
        consume(merchant_id=OURS, amount=10, **REFERENCE),
        consume(merchant_id=OURS, amount=9, **REFERENCE),
    ),
    "another amount than the one declined": (
        consume(merchant_id=OURS, amount=21, **REFERENCE),
        consume(merchant_id=OURS, amount=20, **REFERENCE),
    ),
    "a match states 1": (
        consume_match(merchant_id=OURS, match_id="m"),
        consume(merchant_id=OURS, reference_type="match", reference_id="m", amount=2),
    ),
    "1 is what a match states": (
        consume(merchant_id=OURS, reference_type="match", reference_id="m", amount=2),
        consume_match(merchant_id=OURS, match_id="m"),
    ),
    "a purchase granted otherwise": (
        purchase(merchant_id=OURS, purchase_id="p", credits=10),
        grant(merchant_id=OURS, reference_type="purchase", reference_id="p", amount=9),
    ),
    "a hold's reference consumed": (hold(merchant_id=OURS, **REFERENCE), consume(merchant_id=OURS, **REFERENCE)),
    "a consumption's reference held": (consume(merchant_id=OURS, **REFERENCE), hold(merchant_id=OURS, **REFERENCE)),
    "a purchase's reference consumed": (
        purchase(merchant_id=OURS, purchase_id="p", credits=10),
        consume(merchant_id=OURS, reference_type="purchase", reference_id="p", amount=10),
    ),
}


@pytest.mark.parametrize(("held", "command"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_reference_with_another_merchant_operation_or_amount_is_a_conflict(held, command):
    assert_conflicts(held, command)


def test_a_capture_repeated_for_another_hold_is_a_conflict():
    captured, other, unknown = (hold(merchant_id=OURS, amount=5) for _ in range(3))
    ledger = ledger_of(captured, other, capture(captured, amount=5, **REFERENCE))

    outcomes = [ledger.post(request(capture(held, amount=5, **REFERENCE))) for held in (other, unknown)]

    assert [outcome.status for (outcome,) in outcomes] == [Status.PARKED, Status.PARKED]
    assert ledger.accounts[OURS].held == 5


SAME = {
    "description and metadata": (
        grant(merchant_id=OURS, **REFERENCE, description="Spring", metadata={"by": "anna"}),
        grant(merchant_id=OURS, **REFERENCE, description="Autumn", metadata={"by": "bert"}),
    ),
    "the trial's end": (
        start_trial(merchant_id=OURS, ends_at="2026-02-28T00:00:00Z"),
        start_trial(merchant_id=OURS, ends_at="2027-03-31T00:00:00Z"),
    ),
    "shopper and count": (
        consume_match(merchant_id=OURS, match_id="m", shopper_id="s1", matched_items_count=0),
        consume_match(merchant_id=OURS, match_id="m", shopper_id="s2", matched_items_count=9),
    ),
    "a match by its generic command": (
        consume_match(merchant_id=OURS, match_id="m"),
        consume(merchant_id=OURS, reference_type="match", reference_id="m", amount=1),
    ),
    "a generic command as a match": (
        consume(merchant_id=OURS, reference_type="match", reference_id="m", amount=1),
        consume_match(merchant_id=OURS, match_id="m"),
    ),
    "a purchase by its generic command": (
        purchase(merchant_id=OURS, purchase_id="p", credits=10),
        grant(merchant_id=OURS, reference_type="purchase", reference_id="p", amount=10),
    ),
    "a generic command as a purchase": (
        grant(merchant_id=OURS, reference_type="purchase", reference_id="p", amount=10),
        purchase(merchant_id=OURS, purchase_id="p", credits=10),
    ),
}


@pytest.mark.parametrize(("held", "command"), SAME.values(), ids=SAME)
def test_what_else_differs_is_not_compared(held, command):
    ledger = ledger_of(held)
    first = ledger.outcomes[-1]

    outcome, changed = decided(ledger, command)

    assert outcome == first._replace(replayed=True)
    assert not changed


def test_a_trial_is_the_same_trial_after_its_size_was_changed():
    ledger = ledger_of(start_trial(merchant_id=OURS), policy=Policy(trial_credits=500))
    ledger.policy = Policy(trial_credits=900)

    outcome, changed = decided(ledger, start_trial(merchant_id=OURS))

    assert (outcome.status, outcome.replayed, outcome.amount) == (Status.POSTED, True, 500)
    assert not changed


def test_a_repeat_that_states_no_amount_is_a_replay_of_one_that_did():
    held = hold(merchant_id=OURS, amount=10)
    stated = capture(held, amount=10)
    ledger = ledger_of(held, stated)
    first = ledger.outcomes[-1]

    outcome, changed = decided(ledger, stated.model_copy(update={"amount": None}))

    assert outcome == first._replace(replayed=True)
    assert not changed


def test_one_reference_id_under_two_types_is_two_references():
    ledger = ledger_of(grant(merchant_id=OURS, reference_type="promotion", reference_id="x"))

    outcome, _ = decided(ledger, grant(merchant_id=OURS, reference_type="goodwill", reference_id="x"))

    assert (outcome.status, outcome.replayed) == (Status.POSTED, False)


def test_references_are_compared_exactly():
    ledger = ledger_of(purchase(merchant_id=OURS, purchase_id="p"))

    for purchase_id in ("P", "p ", " p", "р"):
        outcome, _ = decided(ledger, purchase(merchant_id=OURS, purchase_id=purchase_id))
        assert (outcome.status, outcome.replayed) == (Status.POSTED, False)


# The order of the checks


def test_a_conflict_comes_before_the_account():
    no_account = merchant(9)
    held = purchase(merchant_id=OURS, purchase_id="p")

    assert_conflicts(held, purchase(merchant_id=no_account, purchase_id="p"))


def test_a_conflict_comes_before_the_funds():
    held = consume(merchant_id=OURS, amount=10, **REFERENCE)

    assert_conflicts(held, consume(merchant_id=THEIRS, amount=MAX_AMOUNT, **REFERENCE))


def test_a_replay_comes_before_the_funds():
    ledger = ledger_of(consume(merchant_id=OURS, amount=20, **REFERENCE))

    outcome, changed = decided(ledger, consume(merchant_id=OURS, amount=20, **REFERENCE))

    assert (outcome.status, outcome.replayed, outcome.balance) == (Status.POSTED, True, 0)
    assert not changed


def test_the_account_comes_before_the_funds():
    ledger = ledger_of()

    outcome, changed = decided(ledger, consume(merchant_id=merchant(9), amount=MAX_AMOUNT))

    assert outcome.status is Status.WAITING
    assert changed == {"waiting": 1}
