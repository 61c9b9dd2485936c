"""The pure plan: however a sequence is cut into batches, the same comes of it as one by one, and as a model says."""

from dataclasses import fields
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from ledger.commands import MAX_BALANCE
from ledger.outcomes import Outcome, Status
from ledger.rules.state import AccountState, Alerts, Policy
from tests.ledger.model import Model
from tests.ledger.paper import PaperLedger
from tests.ledger.sequences import CUTS, NOW, POLICIES, RICH, SEQUENCES, cut, merchant_in, told

EXAMPLES = 40
ROOM_LEFT = 5
crossing_and_every = pytest.mark.parametrize("policy", POLICIES, ids=[policy.alerts for policy in POLICIES])


def paper_ledger(policy: Policy) -> PaperLedger:
    """A ledger with one account open, which all but ROOM_LEFT credits fill."""
    rich = merchant_in("", RICH)
    return PaperLedger(
        policy,
        AccountState(
            id=rich,
            merchant_id=rich,
            platform_name="shopify",
            platform_shop_id="shop-1",
            shop_domain="shop-1.example.com",
            balance=MAX_BALANCE - ROOM_LEFT,
            total_granted=MAX_BALANCE - ROOM_LEFT,
            updated_at=NOW,
        ),
    )


def comparable(ledger: PaperLedger) -> dict[str, Any]:
    """All that a ledger came to, with each of our own ids replaced by what it stands for."""
    names: dict[Any, Any] = {entry.id: (entry.reference_type, entry.reference_id) for entry in ledger.entries}
    names |= {account.id: merchant for merchant, account in ledger.accounts.items()}

    def named(record: Any, *more: Any) -> tuple[Any, ...]:
        values = [getattr(record, field.name) for field in fields(record)]
        return (*(names.get(value, value) if value.__hash__ else value for value in values), *more)

    return {
        "outcomes": [named(outcome) for outcome in ledger.outcomes],
        "accounts": {merchant: named(account) for merchant, account in ledger.accounts.items()},
        "entries": [named(entry) for entry in ledger.entries],
        "events": [named(event, names[account_id]) for account_id, event in ledger.events],
        "waiting": [request.correlation_id for request in ledger.waiting.values()],
        "parked": [(parked.request.correlation_id, names[parked.conflicts_with]) for parked in ledger.parked],
        "differences": {named(difference) for difference in ledger.differences},
    }


@crossing_and_every
@settings(max_examples=EXAMPLES, deadline=None)
@given(sketches=SEQUENCES, cuts=CUTS)
def test_any_cut_into_batches_comes_to_the_same_as_one_by_one(policy, sketches, cuts):
    singly, in_batches = paper_ledger(policy), paper_ledger(policy)

    for request in told(sketches, world=""):
        singly.post(request)
    for batch in cut(told(sketches, world=""), cuts):
        in_batches.post(*batch)
    for _ in sketches:
        singly.sweep(at_most=1)
    in_batches.sweep()

    assert comparable(in_batches) == comparable(singly)


@crossing_and_every
@settings(max_examples=EXAMPLES, deadline=None)
@given(sketches=SEQUENCES, cuts=CUTS)
def test_outcomes_balances_and_events_are_those_of_the_model(policy, sketches, cuts):
    requests = [request for request in told(sketches, world="") if request.due_at is None]
    ledger = paper_ledger(policy)
    model = model_of(ledger)

    expected = [model.decide(request.command) for request in requests]
    for batch in cut(requests, cuts):
        ledger.post(*batch)

    assert [as_the_model_says(outcome) for outcome in ledger.outcomes] == expected
    assert {merchant: account.balance for merchant, account in ledger.accounts.items()} == model.balances
    assert [request.command for request in ledger.waiting.values()] == model.waiting
    assert told_events(ledger) == model.told
    assert_counted_without_a_gap(ledger)


def assert_counted_without_a_gap(ledger: PaperLedger) -> None:
    for account in ledger.accounts.values():
        posted = [entry for entry in ledger.entries if entry.account_id == account.id and entry.sequence]
        events = [event for account_id, event in ledger.events if account_id == account.id]
        assert [entry.sequence for entry in posted] == list(range(1, account.sequence + 1))
        assert [event.account_sequence for event in events] == list(range(1, account.event_sequence + 1))
        assert all(later.balance_before == entry.balance_after for entry, later in pairwise(posted))
        assert account.balance == account.total_granted - account.total_consumed


def model_of(ledger: PaperLedger) -> Model:
    model = Model(
        trial=ledger.policy.trial_credits,
        threshold=ledger.policy.low_balance_threshold,
        every=ledger.policy.alerts is Alerts.EVERY,
        balances={merchant: account.balance for merchant, account in ledger.accounts.items()},
    )
    model.shops = {merchant: account.shop_domain for merchant, account in ledger.accounts.items()}
    return model


def as_the_model_says(outcome: Outcome) -> tuple[Any, ...]:
    if outcome.status in (Status.WAITING, Status.PARKED):
        return (str(outcome.status),)
    said = (str(outcome.status), outcome.balance, outcome.reason)
    return (*said, "replayed") if outcome.replayed else said


def told_events(ledger: PaperLedger) -> list[tuple[Any, ...]]:
    balances = {entry.id: (entry.merchant_id, entry.balance_after) for entry in ledger.entries}
    told = []
    for _, event in ledger.events:
        merchant, balance = balances[event.transaction_id]
        assert event.data["merchant_id"] == str(merchant)
        assert event.data.get("balance", balance) == balance
        told.append((merchant, event.event_type, balance))
    return told
