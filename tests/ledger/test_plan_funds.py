"""The pure plan: what each command moves, and the two refusals exactly at their limits."""

from datetime import timedelta
from uuid import uuid5

import pytest

from ledger.commands import Command
from ledger.fields import MAX_BALANCE
from ledger.outcomes import Outcome, Status
from ledger.rules.state import Kind, Operation, Policy
from tests.ledger.builders import consume, consume_match, grant, merchant, open_account, purchase, request, start_trial
from tests.ledger.paper import PaperLedger
from tests.ledger.sequences import NOW

OURS = merchant(1)
TRIAL = 500


def ledger_with(balance: int) -> PaperLedger:
    """A ledger with one open account that holds so many credits."""
    ledger = PaperLedger(Policy(trial_credits=TRIAL, low_balance_threshold=0))
    ledger.post(request(open_account(merchant_id=OURS, platform_name="magento")))
    ledger.fill(OURS, balance)
    return ledger


def decide(ledger: PaperLedger, command: Command) -> Outcome:
    (outcome,) = ledger.post(request(command))
    return outcome


CREDITS = {
    "trial": (start_trial(merchant_id=OURS), TRIAL),
    "purchase": (purchase(merchant_id=OURS, credits=70), 70),
    "grant": (grant(merchant_id=OURS, amount=7), 7),
}
DEBITS = {
    "consume_match": (consume_match(merchant_id=OURS, matched_items_count=0), 1),
    "consume": (consume(merchant_id=OURS, amount=30), 30),
}
each_credit = pytest.mark.parametrize(("command", "amount"), CREDITS.values(), ids=CREDITS)
each_debit = pytest.mark.parametrize(("command", "amount"), DEBITS.values(), ids=DEBITS)


@each_credit
def test_a_credit_may_fill_an_account_exactly(command, amount):
    ledger = ledger_with(MAX_BALANCE - amount)

    outcome = decide(ledger, command)

    assert (outcome.status, outcome.amount, outcome.balance) == (Status.POSTED, amount, MAX_BALANCE)
    assert ledger.accounts[OURS].total_granted == MAX_BALANCE


@each_credit
def test_a_credit_that_would_overfill_an_account_is_declined_and_told(command, amount):
    ledger = ledger_with(MAX_BALANCE - amount + 1)

    outcome = decide(ledger, command)

    assert (outcome.status, outcome.reason) == (Status.DECLINED, "balance_limit")
    assert (outcome.amount, outcome.balance) == (amount, MAX_BALANCE - amount + 1)
    assert ledger.entries[-1].sequence is None
    ((_, event),) = ledger.events
    assert (event.event_type, event.data["reason"]) == ("evt.credits.declined.v1", "balance_limit")
    assert event.data["attempted_amount"] == amount
    assert ledger.accounts[OURS].balance == MAX_BALANCE - amount + 1


@each_debit
def test_a_debit_may_take_the_last_credit(command, amount):
    ledger = ledger_with(amount)

    outcome = decide(ledger, command)

    assert (outcome.status, outcome.amount, outcome.balance) == (Status.POSTED, amount, 0)
    assert ledger.accounts[OURS].total_consumed == amount


@each_debit
def test_a_debit_beyond_the_balance_is_declined_and_told(command, amount):
    ledger = ledger_with(amount - 1)

    outcome = decide(ledger, command)

    assert (outcome.status, outcome.reason) == (Status.DECLINED, "insufficient_credits")
    assert (outcome.amount, outcome.balance) == (amount, amount - 1)
    entry = ledger.entries[-1]
    assert (entry.sequence, entry.balance_before, entry.balance_after) == (None, amount - 1, amount - 1)
    ((_, event),) = ledger.events
    assert (event.event_type, event.account_sequence) == ("evt.credits.insufficient.v1", 1)
    assert event.transaction_sequence is None
    assert event.data == {
        "merchant_id": str(OURS),
        "attempted_amount": amount,
        "balance": amount - 1,
        "platform_name": "magento",
        "reference_type": entry.reference_type,
        "reference_id": entry.reference_id,
    }


ENTRIES = {
    "trial": (
        start_trial(merchant_id=OURS, ends_at="2026-02-28T00:00:00Z"),
        (Kind.TRIAL, Operation.CREDIT, TRIAL, None, "trial", f"TRIAL_GRANT_{OURS}", "Trial credits granted"),
        {"ends_at": "2026-02-28T00:00:00.000000Z"},
    ),
    "purchase": (
        purchase(merchant_id=OURS, credits=70, purchase_id="p-1"),
        (Kind.PURCHASE, Operation.CREDIT, 70, 70, "purchase", "p-1", "Purchased 70 credits"),
        {},
    ),
    "grant": (
        grant(merchant_id=OURS, amount=7, reference_id="g-1", description="Sorry", metadata={"ticket": 5}),
        (Kind.GRANT, Operation.CREDIT, 7, 7, "goodwill", "g-1", "Sorry"),
        {"ticket": 5},
    ),
    "match": (
        consume_match(merchant_id=OURS, match_id="m-1", shopper_id="s-1", matched_items_count=0),
        (Kind.CONSUME, Operation.DEBIT, 1, 1, "match", "m-1", "Match for shopper s-1"),
        {"shopper_id": "s-1", "matched_items_count": 0},
    ),
    "consume": (
        consume(merchant_id=OURS, amount=30, reference_id="e-1", description="CSV", metadata={"rows": 9}),
        (Kind.CONSUME, Operation.DEBIT, 30, 30, "export", "e-1", "CSV"),
        {"rows": 9},
    ),
}


@pytest.mark.parametrize(("command", "columns", "metadata"), ENTRIES.values(), ids=ENTRIES)
def test_each_command_writes_what_the_contract_says(command, columns, metadata):
    ledger = ledger_with(100)

    decide(ledger, command)

    (entry,) = ledger.entries
    written = (entry.kind, entry.operation, entry.amount, entry.stated_amount, entry.reference_type)
    assert (*written, entry.reference_id, entry.description) == columns
    assert entry.metadata == metadata
    after = 100 + entry.amount if entry.operation is Operation.CREDIT else 100 - entry.amount
    assert (entry.sequence, entry.balance_before, entry.balance_after) == (1, 100, after)
    ((_, event),) = ledger.events
    assert event.data == {
        "merchant_id": str(OURS),
        "amount": entry.amount,
        "balance": after,
        "platform_name": "magento",
        "reference_type": entry.reference_type,
        "reference_id": entry.reference_id,
    }


def test_a_clock_that_goes_back_never_puts_a_later_transaction_earlier():
    ledger = ledger_with(100)

    ledger.post(request(consume(merchant_id=OURS)), now=NOW + timedelta(seconds=9))
    ledger.post(request(consume(merchant_id=OURS)), now=NOW)
    ledger.post(request(consume(merchant_id=OURS)), now=NOW + timedelta(seconds=10))

    seconds = [(entry.created_at - NOW).total_seconds() for entry in ledger.entries]
    assert seconds == [9, 9, 10]
    assert ledger.accounts[OURS].updated_at == NOW + timedelta(seconds=10)


def test_an_event_keeps_its_id_and_carries_its_transactions_time_and_correlation_id():
    ledger = ledger_with(100)

    ledger.post(request(consume(merchant_id=OURS), correlation_id="story-1"))

    (entry,) = ledger.entries
    ((account_id, event),) = ledger.events
    assert account_id == ledger.accounts[OURS].id
    assert event.transaction_id == entry.id
    assert event.event_id == str(uuid5(event.transaction_id, event.event_type))
    assert (event.correlation_id, entry.correlation_id) == ("story-1", "story-1")
    assert event.occurred_at == entry.created_at
