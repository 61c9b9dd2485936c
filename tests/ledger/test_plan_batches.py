"""The pure plan: however a sequence is cut into batches, the same comes of it as one by one, and as a model says."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import pairwise, zip_longest
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from ledger.fields import MAX_BALANCE
from ledger.outcomes import Outcome, Status
from ledger.rules.chain import COVERED, START, row_digest
from ledger.rules.state import AccountState, Alerts, Policy
from tests.ledger.asked import Asked
from tests.ledger.model import Account, Lot, Model
from tests.ledger.paper import OPENING, PaperLedger
from tests.ledger.sequences import (
    CUTS,
    HOUR,
    MAX_REQUESTS,
    NOW,
    POLICIES,
    RICH,
    SEQUENCES,
    at_one_moment,
    cut,
    merchant_in,
    moments,
    told,
)

EXAMPLES = 50
ROOM_LEFT = 5
# What hangs on chance or on when somebody looked: ids of our own, salts, what is made of them, and lower bounds.
OF_ITS_OWN = frozenset({"salt", "content_digest", "digest", "head", "next_due_at", "lots", "holds"})
LAST = NOW + 3 * MAX_REQUESTS * HOUR
crossing_and_every = pytest.mark.parametrize("policy", POLICIES, ids=[policy.alerts for policy in POLICIES])


def paper_ledger(policy: Policy) -> PaperLedger:
    """A ledger with one account open, which all but ROOM_LEFT credits fill."""
    rich = merchant_in("", RICH)
    ledger = PaperLedger(
        policy,
        AccountState(
            id=rich,
            merchant_id=rich,
            platform_name="shopify",
            platform_shop_id="shop-1",
            shop_domain="shop-1.example.com",
            updated_at=NOW,
        ),
    )
    ledger.fill(rich, MAX_BALANCE - ROOM_LEFT)
    return ledger


def comparable(ledger: PaperLedger) -> dict[str, Any]:
    """All that a ledger came to, with each of our own ids replaced by what it stands for."""
    names: dict[Any, Any] = {account.id: merchant for merchant, account in ledger.accounts.items()}
    names |= {lot.id: (lot.reference_type, lot.reference_id) for lot in ledger.lots.values()}

    def named(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(named(part) for part in value)
        if isinstance(value, str):  # a reference may hold a lot's id
            return next((f"{names[id_]}" + value[36:] for id_ in names if value.startswith(str(id_))), value)
        return names.get(value, value) if value.__hash__ else value

    def bare(record: Any, *more: Any) -> tuple[Any, ...]:
        names = [field.name for field in fields(record)] if is_dataclass(record) else record._fields
        values = {name: getattr(record, name) for name in names if name not in OF_ITS_OWN}
        if isinstance(values.get("data"), Mapping):
            values["data"] = {name: named(value) for name, value in values["data"].items()}
        return (*(named(value) for value in values.values()), *more)

    names |= {entry.id: (entry.reference_type, named(entry.reference_id)) for entry in ledger.entries}
    return {
        "outcomes": [bare(outcome) for outcome in ledger.outcomes],
        "accounts": {merchant: bare(account) for merchant, account in ledger.accounts.items()},
        "lots": {bare(lot) for lot in ledger.lots.values()},
        "holds": {bare(hold) for hold in ledger.holds.values()},
        "entries": by_account([(named(entry.account_id), *bare(entry)) for entry in ledger.entries]),
        "events": by_account([(names[account_id], *bare(event)) for account_id, event in ledger.events]),
        "waiting": [request.correlation_id for request in ledger.waiting.values()],
        "parked": [(parked.request.correlation_id, names[parked.conflicts_with]) for parked in ledger.parked],
        "differences": {bare(difference) for difference in ledger.differences},
        "changes": [bare(change) for change in ledger.changes],
    }


@crossing_and_every
@settings(max_examples=EXAMPLES, deadline=None)
@given(sketches=SEQUENCES, cuts=CUTS, beats=CUTS)
def test_any_cut_into_batches_and_any_beat_come_to_the_same_as_one_by_one(policy, sketches, cuts, beats):
    singly, in_batches = paper_ledger(policy), paper_ledger(policy)
    times = moments(sketches)
    timed = list(zip(told(sketches, world=""), times, strict=True))

    for request, now in timed:
        singly.post(request, now=now)
    batches = list(cut(timed, at_one_moment(cuts, times)))
    for batch, following in zip_longest(batches, batches[1:]):
        now, until = batch[0][1], following[0][1] if following else LAST
        in_batches.post(*(request for request, _ in batch), now=now)
        if len(in_batches.outcomes) in beats:
            in_batches.post_due(now=min(now + 0.75 * HOUR, until))
    for ledger in (singly, in_batches):
        while ledger.sweep(now=LAST):
            pass
        ledger.post_due(now=LAST)

    assert comparable(in_batches) == comparable(singly)


@crossing_and_every
@settings(max_examples=EXAMPLES, deadline=None)
@given(sketches=SEQUENCES, cuts=CUTS)
def test_outcomes_balances_lots_holds_and_events_are_those_of_the_model(policy, sketches, cuts):
    requests, times = told(sketches, world=""), moments(sketches)
    timed = [(request, now) for request, now in zip(requests, times, strict=True) if request.due_at is None]
    ledger = paper_ledger(policy)
    model = model_of(ledger)

    expected = [model.decide(request.command, now) for request, now in timed]
    for batch in cut(timed, at_one_moment(cuts, [now for _, now in timed])):
        ledger.post(*(request for request, _ in batch), now=batch[0][1])
    ledger.post_due(now=LAST)
    for merchant in model.accounts:
        model.pass_time(merchant, LAST)

    assert [as_the_model_says(outcome) for outcome in ledger.outcomes] == expected
    assert balances(ledger) == {merchant: told_by_model(account) for merchant, account in model.accounts.items()}
    assert [request.command for request in ledger.waiting.values()] == model.waiting
    assert by_account(told_events(ledger)) == by_account(model.told)
    assert_counted_without_a_gap(ledger)
    assert_chained(ledger)


def assert_counted_without_a_gap(ledger: PaperLedger) -> None:
    for account in ledger.accounts.values():
        entries = [entry for entry in ledger.entries if entry.account_id == account.id]
        posted = [entry for entry in entries if entry.sequence]
        events = [event for account_id, event in ledger.events if account_id == account.id]
        assert [entry.number for entry in entries] == list(range(1, account.rows + 1))
        assert [entry.sequence for entry in posted] == list(range(1, account.sequence + 1))
        assert [event.account_sequence for event in events] == list(range(1, account.event_sequence + 1))
        assert all(later.balance_before == entry.balance_after for entry, later in pairwise(posted))
        assert all(later.created_at >= entry.created_at for entry, later in pairwise(entries))
        assert account.balance == account.total_granted - account.total_consumed - account.total_expired


def assert_chained(ledger: PaperLedger) -> None:
    for account in ledger.accounts.values():
        head = START
        for entry in ledger.entries:
            if entry.account_id == account.id:
                head = row_digest(head, {name: getattr(entry, name) for name in COVERED})
                assert head == entry.digest
        assert head == account.head


def model_of(ledger: PaperLedger) -> Model:
    policy = ledger.policy
    model = Model(
        trial=policy.trial_credits,
        trials_expire=policy.trials_expire,
        threshold=policy.low_balance_threshold,
        every=policy.alerts is Alerts.EVERY,
        soon=policy.expiring_soon,
    )
    for merchant, account in ledger.accounts.items():
        first = Lot(OPENING, account.balance, Asked(OPENING, "grant", "credit"), NOW, left=account.balance, posted=0)
        model.open_with(merchant, shop=account.shop_domain, lot=first)
    return model


def as_the_model_says(outcome: Outcome) -> tuple[Any, ...]:
    if outcome.status in (Status.WAITING, Status.PARKED):
        return (str(outcome.status),)
    said = (str(outcome.status), outcome.balance, outcome.reason)
    return (*said, "replayed") if outcome.replayed else said


def balances(ledger: PaperLedger) -> dict[UUID, Any]:
    """By merchant, the totals, and what is left of each lot and each open hold."""
    lots = sorted(
        (lot.account_id, lot.reference_type, lot.reference_id, lot.remaining, lot.held) for lot in ledger.lots.values()
    )
    holds = sorted((h.account_id, h.reference_type, h.reference_id, str(h.status)) for h in ledger.holds.values())
    return {
        merchant: (
            (account.balance, account.held, account.total_granted, account.total_consumed, account.total_expired),
            [rest for account_id, *rest in lots if account_id == account.id],
            [rest for account_id, *rest in holds if account_id == account.id],
        )
        for merchant, account in ledger.accounts.items()
    }


def told_by_model(account: Account) -> Any:
    return (
        (account.balance, account.balance - account.available, account.granted, account.consumed, account.expired),
        sorted([*lot.name, lot.left, lot.left - account.free(lot)] for lot in account.lots),
        sorted([*hold.name, hold.status] for hold in account.holds),
    )


def told_events(ledger: PaperLedger) -> list[tuple[Any, ...]]:
    told = []
    for account_id, event in ledger.events:
        merchant = next(merchant for merchant, account in ledger.accounts.items() if account.id == account_id)
        assert event.data["merchant_id"] == str(merchant)
        amount = event.data.get("amount", event.data.get("attempted_amount"))
        told.append((merchant, event.event_type, event.data.get("balance", 0), amount))
    return told


def by_account(told: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What happened, merchant by merchant: between merchants there is no order."""
    return sorted(told, key=lambda item: item[0])
