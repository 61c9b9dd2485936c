"""Posting for real: however requests are cut into batches and ordered in them, the same comes of it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from django.conf import settings as service
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.commands import Command
from ledger.fields import MAX_BALANCE
from ledger.journal import post
from ledger.journal.sweep import post_due
from ledger.models import Account, Hold, Lot, OutboxRow, ParkedMessage, ShopDifference, Transaction, WaitingCommand
from ledger.outcomes import Outcome
from ledger.requests import Request
from tests.ledger.builders import (
    consume,
    consume_match,
    filled_account,
    grant,
    open_account,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.sequences import CUTS, LATER, RICH, SEQUENCES, cut, merchant_in, told

ROOM_LEFT = 5
worlds = count(1)
in_one_transaction = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink a failure here takes minutes; the pure test does
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def small_numbers(settings):
    settings.TRIAL_CREDITS, settings.LOW_BALANCE_THRESHOLD = 3, 3


# Any cut


@pytest.mark.django_db
@pytest.mark.parametrize("alerts", ["crossing", "every"])
@in_one_transaction
@given(sketches=SEQUENCES, cuts=CUTS)
def test_any_cut_into_batches_leaves_the_same_rows_as_one_by_one(small_numbers, alerts, sketches, cuts):
    service.LOW_BALANCE_ALERTS = alerts
    one_by_one, in_batches = f"singly{next(worlds)}", f"batches{next(worlds)}"

    singly = [outcome for sketched in told_in(one_by_one, sketches) for outcome in post([sketched])]
    batched = [outcome for batch in cut(told_in(in_batches, sketches), cuts) for outcome in post(batch)]
    let_time_pass()
    for _ in range(len(sketches) + 1):
        post_due(limit=1, pause=never)

    assert [named(outcome, in_batches) for outcome in batched] == [named(outcome, one_by_one) for outcome in singly]
    assert rows(in_batches) == rows(one_by_one)


def told_in(world: str, sketches: Any) -> list[Request]:
    """The sequence in a world of its own, in which one account is open already, and all but full."""
    filled_account(
        MAX_BALANCE - ROOM_LEFT,
        merchant_id=merchant_in(world, RICH),
        platform_shop_id="shop-1",
        shop_domain="shop-1.example.com",
    )
    return told(sketches, world=world)


def let_time_pass() -> None:
    WaitingCommand.objects.filter(due_at=LATER).update(due_at=timezone.now())


def never(_: float) -> bool:
    return False


def named(outcome: Outcome, world: str) -> dict[str, Any]:
    """An outcome without what differs between worlds."""
    known = outcome.as_dict()
    if known["transaction_id"]:
        known["transaction_id"] = Transaction.objects.get(id=known["transaction_id"]).correlation_id
    names = {str(merchant_in(world, number)): f"merchant {number}" for number in range(RICH + 1)}
    return {name: bare(value, world, names) for name, value in known.items()}


def bare(value: Any, world: str, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: bare(part, world, names) for key, part in value.items()}
    text = value if isinstance(value, str) else ""
    for merchant_id, name in names.items():
        text = text.replace(merchant_id, name)
    return text.replace(f"{world}/", "") if isinstance(value, str) else value


def rows(world: str) -> dict[str, list[Any]]:
    """All rows of a world, without ids, times, and what else differs between worlds."""
    merchants = {merchant_in(world, number): f"merchant {number}" for number in range(RICH + 1)}
    names = {str(merchant): name for merchant, name in merchants.items()}
    names |= {str(lot.id): f"lot {lot.reference_id}" for lot in Lot.objects.filter(account__merchant_id__in=merchants)}
    its_own = {"merchant_id__in": merchants}
    of_its_accounts = {"account__merchant_id__in": merchants}
    read: dict[str, tuple[Any, tuple[str, ...]]] = {
        "accounts": (Account.objects.filter(**its_own).order_by("merchant_id"), ACCOUNT),
        "transactions": (Transaction.objects.filter(**its_own).order_by("reference_type", "reference_id"), TRANSACTION),
        "events": (OutboxRow.objects.filter(**of_its_accounts).order_by("account_sequence"), EVENT),
        "lots": (Lot.objects.filter(**of_its_accounts), LOT),
        "holds": (Hold.objects.filter(**of_its_accounts), HOLD),
        "waiting": (WaitingCommand.objects.filter(**its_own).order_by("id"), ("correlation_id", "task", "kwargs")),
        "parked": (ParkedMessage.objects.filter(**its_own), PARKED),
        "differences": (ShopDifference.objects.filter(**of_its_accounts), DIFFERENCE),
    }
    return {
        table: sorted(
            (
                bare({name: told_of(value, names) for name, value in row.items()}, world, names)
                for row in query.values(*columns)
            ),
            key=repr,
        )
        for table, (query, columns) in read.items()
    }


def told_of(value: Any, names: dict[str, str]) -> Any:
    if not (isinstance(value, dict) and "event_id" in value):
        return names.get(str(value), value)
    told = {part: value[part] for part in ("event_type", "correlation_id", "data", "metadata")}
    told["data"].pop("expires_at", None)  # of a hold: so many seconds from now
    return told


ACCOUNT = (
    "merchant_id",
    "balance",
    "held",
    "total_granted",
    "total_consumed",
    "total_expired",
    "sequence",
    "event_sequence",
    "rows",
    "armed",
    "frozen",
)
LOT = ("account__merchant_id", "reference_type", "reference_id", "remaining", "held", "sequence", "pending", "expiries")
HOLD = ("account__merchant_id", "reference_type", "reference_id", "amount", "status", "captured")
TRANSACTION = (
    *("merchant_id", "number", "sequence", "status", "kind", "operation", "amount", "stated_amount", "balance_before"),
    *("balance_after", "total_granted", "total_consumed", "reference_type", "reference_id", "reason", "description"),
    *("metadata", "correlation_id"),
)
EVENT = ("destination", "name", "event_type", "body", "account__merchant_id", "account_sequence", "correlation_id")
PARKED = ("reason", "field", "detail", "merchant_id", "correlation_id", "conflicts_with__correlation_id", "count")
DIFFERENCE = ("account__merchant_id", "platform_name", "platform_shop_id", "shop_domain", "correlation_id")


# Every kind of outcome, in every order

Kind = Callable[[], tuple[Request, dict[str, Any]]]


def kind_opened() -> tuple[Request, dict[str, Any]]:
    return request(open_account()), {"status": "posted", "balance": 0, "transaction_id": None}


def kind_unchanged() -> tuple[Request, dict[str, Any]]:
    opening = open_account()
    post([request(opening)])
    return request(opening), {"status": "unchanged", "reason": None}


def kind_shop_differs() -> tuple[Request, dict[str, Any]]:
    account = opened_account()
    return request(open_account(merchant_id=account.merchant_id)), {"status": "unchanged", "reason": "shop_differs"}


def kind_granted() -> tuple[Request, dict[str, Any]]:
    account = opened_account()
    return request(start_trial(merchant_id=account.merchant_id)), {"status": "posted", "amount": 500, "balance": 500}


def kind_consumed() -> tuple[Request, dict[str, Any]]:
    command = consume_match(merchant_id=opened_account(credits_bought=5).merchant_id)
    return request(command), {"status": "posted", "amount": 1, "balance": 4, "reference_id": command.match_id}


def kind_insufficient() -> tuple[Request, dict[str, Any]]:
    command = consume(merchant_id=opened_account(credits_bought=5).merchant_id, amount=6)
    return request(command), {"status": "declined", "reason": "insufficient_credits", "amount": 6, "balance": 5}


def kind_balance_limit() -> tuple[Request, dict[str, Any]]:
    full = filled_account(MAX_BALANCE)
    command = grant(merchant_id=full.merchant_id, amount=1)
    return request(command), {"status": "declined", "reason": "balance_limit", "balance": MAX_BALANCE}


def kind_replayed() -> tuple[Request, dict[str, Any]]:
    command = consume(merchant_id=opened_account(credits_bought=50).merchant_id)
    (first,) = post([request(command)])
    return request(command), {**first.as_dict(), "replayed": True}


def kind_decline_replayed() -> tuple[Request, dict[str, Any]]:
    command: Command = consume(merchant_id=opened_account().merchant_id)
    (first,) = post([request(command)])
    post(requests(purchase(merchant_id=command.merchant_id)))
    return request(command), {**first.as_dict(), "replayed": True}


def kind_conflict() -> tuple[Request, dict[str, Any]]:
    held = purchase(merchant_id=opened_account().merchant_id)
    post([request(held)])
    conflicting = purchase(merchant_id=opened_account().merchant_id, purchase_id=held.purchase_id)
    return request(conflicting), {"status": "parked", "balance": None, "merchant_id": str(conflicting.merchant_id)}


def kind_waiting() -> tuple[Request, dict[str, Any]]:
    return request(purchase()), {"status": "waiting", "balance": None}


def kind_ahead_of_its_time() -> tuple[Request, dict[str, Any]]:
    command = purchase(merchant_id=opened_account().merchant_id)
    return request(command, due_at=LATER), {"status": "waiting", "balance": None}


KINDS: list[Kind] = [function for name, function in list(globals().items()) if name.startswith("kind_")]


@pytest.mark.django_db
@in_one_transaction
@given(order=st.permutations(KINDS))
def test_a_batch_may_hold_every_kind_of_outcome_in_any_order(order):
    batch, expected = zip(*(kind() for kind in order), strict=True)

    outcomes = post(batch)

    for outcome, facts in zip(outcomes, expected, strict=True):
        assert {name: outcome.as_dict()[name] for name in facts} == facts
        assert outcome.replayed is facts.get("replayed", False)
