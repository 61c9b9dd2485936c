"""GET /api/credits/transactions with filters, and one transaction by its id."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ledger.journal import post
from ledger.models import Account, Transaction
from ledger.queries import history
from tests.api.histories import account_with, rows_of
from tests.api.shops import TRANSACTIONS, ask_for, refusal
from tests.api.test_balance_at import BEGIN, TICK, histories, moments
from tests.ledger.builders import capture, consume, hold, opened_account, purchase, requests, reverse

pytestmark = pytest.mark.django_db


def walk(account: Account, **query: Any) -> list[dict[str, Any]]:
    """All rows that pass, page by page along links.next."""
    named = {name.rstrip("_"): value for name, value in query.items() if value is not None}
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in named.items()}
    address: str | None = f"{TRANSACTIONS}?{urlencode(values)}"
    rows = []
    while address is not None:
        response = ask_for(account, address)
        assert response.status_code == 200, response.content
        body = response.json()
        assert len(body["data"]) <= body["pagination"]["limit"]
        assert body["pagination"]["has_next"] == (body["links"]["next"] is not None)
        rows += body["data"]
        address = body["links"]["next"]
    return rows


class TestFilters(TestCase):
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        history=histories,
        operation=st.sampled_from([None, "credit", "debit"]),
        kind=st.sampled_from([None, "grant", "consume", "expire"]),
        begin=st.none() | moments,
        end=st.none() | moments,
        limit=st.integers(1, 4),
    )
    def test_following_the_links_finds_every_row_that_passes_once(
        self, history: Any, operation: str | None, kind: str | None, begin: Any, end: Any, limit: int
    ) -> None:
        account = account_with(history)

        found = walk(account, operation=operation, kind=kind, from_=begin, to=end, limit=limit)

        passing = [
            row
            for row in rows_of(account)
            if operation in (None, row.operation)
            and kind in (None, row.kind)
            and (begin is None or begin <= row.created_at)
            and (end is None or row.created_at < end)
        ]
        assert [row["id"] for row in found] == [str(row.id) for row in reversed(passing)]


def test_where_few_of_many_pass_a_page_says_where_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SCANNED", 10)
    account = account_with([(BEGIN, "grant", 1), *((BEGIN + n * TICK, "grant", 1) for n in range(25))])

    first = ask_for(account, f"{TRANSACTIONS}?kind=consume").json()

    assert first["data"] == []
    assert first["pagination"] == {
        "page": None, "limit": 50, "total": None, "pages": None, "has_next": True, "has_previous": False,
    }  # fmt: skip
    assert walk(account, kind="consume") == []
    assert len(walk(account, kind="grant", limit=7)) == 26


def test_rows_are_found_by_the_type_of_their_reference() -> None:
    account = opened_account(credits_bought=100)
    post(requests(consume(merchant_id=account.merchant_id, reference_type="export", amount=3)))

    assert [row["amount"] for row in walk(account, reference_type="export")] == [3]
    assert [row["amount"] for row in walk(account, reference_type="purchase")] == [100]
    assert walk(account, reference_type="nothing") == []


def test_new_rows_do_not_move_a_walk() -> None:
    account = account_with((BEGIN + n * TICK, "grant", n + 1) for n in range(6))
    first = ask_for(account, f"{TRANSACTIONS}?operation=credit&limit=3").json()
    post(requests(purchase(merchant_id=account.merchant_id, credits=50)))

    second = ask_for(account, first["links"]["next"]).json()

    assert [row["amount"] for row in (*first["data"], *second["data"])] == [6, 5, 4, 3, 2, 1]
    assert second["links"]["next"] is None


def test_a_page_takes_the_same_queries_whatever_there_is() -> None:
    taken = []
    for rows in (3, 600):
        account = account_with((BEGIN + n * TICK, "grant", 1) for n in range(rows))
        with CaptureQueriesContext(connection) as queries:
            ask_for(account, f"{TRANSACTIONS}?kind=grant&from=2026-01-01&to=2026-02-01")
        taken.append(len(queries))

    assert taken == [3, 3]


@pytest.mark.parametrize(
    ("query", "field"),
    [("operation=both", "operation"), ("kind=theft", "kind"), ("reference_type=A%20B", "reference_type"),
     ("from=monday", "from"), ("to=2026-13-01", "to"), ("tz=Nowhere", "tz"), ("kind=grant&page=2", "page"),
     ("kind=grant&cursor=x", "cursor"), ("kind=grant&limit=1001", "limit")],
)  # fmt: skip
def test_a_bad_filter_is_refused_by_name(query: str, field: str) -> None:
    response = ask_for(opened_account(), f"{TRANSACTIONS}?{query}")

    assert refusal(response) == (422, "VALIDATION_ERROR")
    assert [problem["field"] for problem in response.json()["error"]["details"]["validation_errors"]] == [field]


class TestOne:
    def read(self, account: Account, transaction: Transaction) -> dict[str, Any]:
        response = ask_for(account, f"{TRANSACTIONS}/{transaction.id}")
        assert response.status_code == 200, response.content
        data: dict[str, Any] = response.json()["data"]
        return data

    def test_it_says_where_its_credits_came_from_and_what_was_reversed_of_it(self) -> None:
        account = opened_account(credits_bought=100)
        used = consume(merchant_id=account.merchant_id, amount=30)
        back = reverse((used.reference_type, used.reference_id), merchant_id=account.merchant_id, amount=10)
        post(requests(used, back))
        bought, consumed, given_back = rows_of(account)

        found = self.read(account, consumed)

        assert found["status"] == "posted"
        assert found["lots"] == [{"id": str(bought.id), "amount": 30}]
        assert found["reversed"] == 10
        assert found["target"] is None
        target = {"reference_type": used.reference_type, "reference_id": used.reference_id}
        assert self.read(account, given_back)["target"] == target

    def test_declined_and_recorded_ones_are_found_too(self) -> None:
        account = opened_account(credits_bought=20)
        held = hold(merchant_id=account.merchant_id, amount=10)
        post(requests(held, consume(merchant_id=account.merchant_id, amount=11), capture(held)))
        rows = {row.status: row for row in Transaction.objects.filter(account=account).exclude(status="posted")}

        assert self.read(account, rows["declined"])["reason"] == "insufficient_credits"
        assert self.read(account, rows["recorded"])["kind"] == "hold"

    def test_another_shops_is_not_there(self) -> None:
        account, other = opened_account(credits_bought=5), opened_account(credits_bought=7)
        (theirs,) = rows_of(other)

        for transaction_id in (theirs.id, uuid4()):
            response = ask_for(account, f"{TRANSACTIONS}/{transaction_id}")
            assert refusal(response) == (404, "TRANSACTION_NOT_FOUND")

    @pytest.mark.parametrize("text", ["1", "not-a-uuid", "00000000-0000-0000-0000-00000000000g"])
    def test_what_is_no_id_is_refused_by_name(self, text: str) -> None:
        response = ask_for(opened_account(), f"{TRANSACTIONS}/{text}")

        assert refusal(response) == (422, "VALIDATION_ERROR")
        assert response.json()["error"]["details"]["validation_errors"][0]["field"] == "transaction_id"
