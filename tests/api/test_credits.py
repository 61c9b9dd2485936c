"""GET /api/credits and the rows of GET /api/credits/transactions: what they say of the books."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.journal import post
from tests.api.shops import CREDITS, TRANSACTIONS, ask, ask_for, token
from tests.ledger.builders import consume, consume_match, grant, opened_account, purchase, requests

pytestmark = pytest.mark.django_db


def test_the_balance_and_the_totals_are_read() -> None:
    account = opened_account(credits_bought=100, platform_name="magento", shop_domain="shop.example.com")
    post(requests(consume(merchant_id=account.merchant_id, amount=30)))

    response = ask_for(account)

    assert response.json()["data"] == {
        "balance": 70,
        "available": 70,
        "held": 0,
        "expiring_next": None,
        "total_granted": 100,
        "total_consumed": 30,
        "total_expired": 0,
        "platform_name": "magento",
        "shop_domain": "shop.example.com",
    }


def test_a_transaction_is_read_whole() -> None:
    account = opened_account(credits_bought=100)
    post(requests(consume_match(
        merchant_id=account.merchant_id, match_id="match-1", shopper_id="Zoë", matched_items_count=4
    )))  # fmt: skip

    row: dict[str, Any] = ask_for(account, TRANSACTIONS).json()["data"][0]

    moment, transaction_id = row.pop("created_at"), row.pop("id")
    assert row == {
        "amount": 1,
        "operation": "debit",
        "kind": "consume",
        "balance_before": 100,
        "balance_after": 99,
        "reference_type": "match",
        "reference_id": "match-1",
        "description": "Match for shopper Zoë",
        "metadata": {"shopper_id": "Zoë", "matched_items_count": 4},
    }
    assert transaction_id == str(account.transactions.get(sequence=2).id)
    assert moment.endswith("Z")
    assert datetime.fromisoformat(moment).utcoffset() == timedelta(0)


def test_metadata_comes_back_as_it_was_given() -> None:
    given = {"nested": {"list": [1, 2.5, None, True, "</script>"]}, "big": 10**30, "ключ": "\u2028", "": ""}
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, metadata=given)))

    row = ask_for(account, TRANSACTIONS).json()["data"][0]

    assert row["metadata"] == given


def test_the_largest_amounts_are_whole_numbers_still() -> None:
    account = opened_account(credits_bought=10**12)
    post(requests(*(purchase(merchant_id=account.merchant_id, credits=10**12) for _ in range(999))))

    answers = ask_for(account).json()["data"], ask_for(account, TRANSACTIONS).json()["data"][0]

    assert (answers[0]["balance"], answers[1]["amount"], answers[1]["balance_after"]) == (10**15, 10**12, 10**15)
    assert all(type(value) is int for value in (answers[0]["balance"], answers[1]["amount"]))


def test_declined_transactions_are_not_shown() -> None:
    account = opened_account(credits_bought=5)
    post(
        requests(consume(merchant_id=account.merchant_id, amount=6), consume(merchant_id=account.merchant_id, amount=1))
    )

    body = ask_for(account, TRANSACTIONS).json()

    assert [row["amount"] for row in body["data"]] == [1, 5]
    assert body["pagination"]["total"] == 2


def test_other_accounts_rows_are_not_shown() -> None:
    account = opened_account(credits_bought=5)
    opened_account(credits_bought=7)

    body = ask_for(account, TRANSACTIONS).json()

    assert [row["amount"] for row in body["data"]] == [5]


@pytest.mark.parametrize(("path", "queries"), [(CREDITS, 1), (TRANSACTIONS, 2), (f"{TRANSACTIONS}?page=9", 1)])
@pytest.mark.parametrize("subject", ["domain", "merchant"])
def test_a_read_takes_two_queries_at_most(path: str, queries: int, subject: str) -> None:
    account = opened_account(credits_bought=5)
    bearer = token(account.shop_domain if subject == "domain" else str(account.merchant_id))
    ask(bearer=bearer, platform=account.platform_name, domain=account.shop_domain)  # prepares it, once a connection

    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = ask(path, bearer=bearer, platform=account.platform_name, domain=account.shop_domain)

    assert response.status_code == 200
    assert len(captured) == queries
    assert not any("COUNT" in query["sql"] or "OFFSET" in query["sql"] for query in captured)
