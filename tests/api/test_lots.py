"""GET /api/credits/lots and /holds, and what expires next: what a balance is made of, due or posted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.commands import Command
from ledger.journal import post
from ledger.journal.post import post_batch
from ledger.models import Account
from tests.api.shops import ask_for, refusal
from tests.api.test_due import wait_until
from tests.ledger.builders import capture, consume, grant, hold, opened_account, release, requests

pytestmark = pytest.mark.django_db

LOTS, HOLDS = "/api/credits/lots", "/api/credits/holds"
NAMED = {"reference_type": "promotion"}
WEEK = timedelta(days=7)


def read(account: Account, address: str) -> dict[str, Any]:
    response = ask_for(account, address)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def walk(account: Account, address: str | None) -> list[dict[str, Any]]:
    rows = []
    while address is not None:
        body = read(account, address)
        rows += body["data"]
        address = body["links"]["next"]
    return rows


def figures(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ("reference_id", *names)) for row in rows]


def test_open_lots_stand_in_the_order_in_which_they_burn_and_pending_ones_last() -> None:
    account = opened_account()
    ours, now = {"merchant_id": account.merchant_id, **NAMED}, timezone.now()
    post(requests(
        grant(**ours, reference_id="later", amount=5, effective_at=now + WEEK),
        grant(**ours, reference_id="never expires", amount=10),
        grant(**ours, reference_id="expires", amount=10, expires_at=now + WEEK),
        grant(**ours, reference_id="first of all", amount=10, priority=1),
        consume(merchant_id=account.merchant_id, amount=12),
    ))  # fmt: skip

    body = read(account, LOTS)

    assert figures(body["data"], "remaining", "amount", "status") == [
        ("expires", 8, 10, "open"), ("never expires", 10, 10, "open"), ("later", 0, 5, "pending"),
    ]  # fmt: skip
    assert body["pagination"]["total"] == 3
    assert figures(walk(account, f"{LOTS}?status=closed"), "remaining", "status") == [("first of all", 0, "closed")]


def test_a_lot_says_what_it_is_and_where_it_came_from() -> None:
    account = opened_account(credits_bought=40)
    post(requests(hold(merchant_id=account.merchant_id, amount=15)))

    (lot,) = read(account, LOTS)["data"]

    bought = account.transactions.get(kind="purchase")
    assert lot == {
        "id": str(bought.id), "status": "open", "category": "paid", "priority": 50, "amount": 40, "remaining": 40,
        "held": 15, "effective_at": lot["created_at"], "expires_at": None, "reference_type": "purchase",
        "reference_id": bought.reference_id, "description": "Purchased 40 credits", "created_at": lot["created_at"],
    }  # fmt: skip


def test_holds_are_read_open_and_resolved() -> None:
    account = opened_account(credits_bought=100)
    ours = {"merchant_id": account.merchant_id}
    long, short, captured, released = (
        hold(**ours, amount=amount, expires_in_s=seconds) for amount, seconds in ((1, 900), (2, 60), (30, 60), (4, 60))
    )
    post(requests(long, short, captured, released, capture(captured, amount=20), release(released)))

    still_open, resolved = read(account, HOLDS)["data"], walk(account, f"{HOLDS}?status=closed&limit=1")

    assert [(row["amount"], row["status"]) for row in still_open] == [(2, "open"), (1, "open")]
    assert [(row["amount"], row["captured"], row["status"]) for row in resolved] == [
        (4, 0, "released"), (30, 20, "captured"),
    ]  # fmt: skip
    lot = account.lots.get()
    assert still_open[0]["lots"] == [{"id": str(lot.id), "amount": 2}]
    assert still_open[0]["resolved_at"] is None
    assert resolved[0]["resolved_at"] is not None


@pytest.mark.slow
def test_what_has_fallen_due_reads_as_it_will_once_it_is_posted() -> None:
    account = opened_account(credits_bought=100)
    soon = timezone.now() + timedelta(seconds=0.4)
    ours = {"merchant_id": account.merchant_id}
    post(requests(
        grant(**ours, **NAMED, reference_id="expires", amount=7, expires_at=soon),
        grant(**ours, **NAMED, reference_id="begins", amount=50, effective_at=soon),
        hold(**ours, amount=30, expires_in_s=1),
    ))  # fmt: skip
    assert read(account, "/api/credits")["data"]["expiring_next"]["credits"] == 7
    wait_until(timezone.now() + timedelta(seconds=1.1))

    def everything() -> list[Any]:
        addresses = (LOTS, f"{LOTS}?status=closed", HOLDS, f"{HOLDS}?status=closed")
        return [walk(account, address) for address in addresses] + [
            read(account, "/api/credits")["data"]["expiring_next"]
        ]

    unposted = everything()
    assert [len(rows) for rows in unposted[:-1]] == [2, 1, 0, 1]
    assert unposted[-1] is None
    post_batch([], merchants=[account.merchant_id])
    assert everything() == unposted


def test_what_expires_next_is_what_all_lots_of_the_earliest_moment_hold() -> None:
    account = opened_account(credits_bought=100)
    ours, now = {"merchant_id": account.merchant_id}, timezone.now()
    post(requests(
        grant(**ours, amount=7, expires_at=now + WEEK), grant(**ours, amount=8, expires_at=now + WEEK),
        grant(**ours, amount=9, expires_at=now + 2 * WEEK), consume(**ours, amount=3),
    ))  # fmt: skip

    found = read(account, "/api/credits")["data"]["expiring_next"]

    assert found["credits"] == 12


def granted(account: Account) -> Command:
    return grant(merchant_id=account.merchant_id, amount=1, expires_at=timezone.now() + WEEK)


def held(account: Account) -> Command:
    return hold(merchant_id=account.merchant_id, amount=1)


@pytest.mark.parametrize(("path", "one"), [(LOTS, granted), (HOLDS, held)])
@pytest.mark.parametrize("status", ["open", "closed"])
def test_a_list_takes_the_same_queries_whatever_there_is(
    path: str, one: Callable[[Account], Command], status: str
) -> None:
    account = opened_account(credits_bought=100)
    taken = []
    for more in (3, 57):
        post(requests(*(one(account) for _ in range(more))))
        with CaptureQueriesContext(connection) as queries:
            read(account, f"{path}?status={status}&limit=1000")
        taken.append(len(queries))

    assert taken[0] == taken[1] <= 3


def test_a_walk_by_steps_of_any_length_finds_every_lot_once() -> None:
    account = opened_account()
    post(requests(*(grant(merchant_id=account.merchant_id, amount=1) for _ in range(7))))
    post(requests(consume(merchant_id=account.merchant_id, amount=4)))

    for limit in (1, 2, 3, 50):
        still_open, closed = (walk(account, f"{LOTS}?status={status}&limit={limit}") for status in ("open", "closed"))
        assert (len(still_open), len(closed)) == (3, 4)
        assert len({lot["id"] for lot in (*still_open, *closed)}) == 7
        assert [lot["id"] for lot in closed] == sorted((lot["id"] for lot in closed), reverse=True)


@pytest.mark.parametrize("path", [LOTS, HOLDS])
@pytest.mark.parametrize(("query", "field"), [("status=spent", "status"), ("limit=0", "limit"), ("cursor=7", "cursor")])
def test_what_can_not_be_listed_is_refused_by_name(path: str, query: str, field: str) -> None:
    response = ask_for(opened_account(), f"{path}?{query}")

    assert refusal(response) == (422, "VALIDATION_ERROR")
    assert response.json()["error"]["details"]["validation_errors"][0]["field"] == field


@pytest.mark.parametrize("path", [LOTS, HOLDS])
def test_another_shops_are_not_shown(path: str) -> None:
    account, other = opened_account(), opened_account(credits_bought=9)
    post(requests(hold(merchant_id=other.merchant_id, amount=1)))

    for status in ("open", "closed"):
        assert read(account, f"{path}?status={status}")["data"] == []
