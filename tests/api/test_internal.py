"""/api/internal: what merchants have, one or 500 at once, and what became of a reference."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.journal.post import post_batch
from ledger.messages import Message
from ledger.models import ParkedMessage, Transaction
from ledger.outcomes import ParkReason
from ledger.parking import dismiss
from ledger.staff import freeze, retry
from tests.api.services import SECRET, ask_as_service, service_token
from tests.api.shops import refusal
from tests.api.test_due import wait_until
from tests.ledger.builders import (
    capture,
    consume,
    consume_match,
    fresh,
    grant,
    hold,
    opened_account,
    purchase,
    request,
    requests,
    start_trial,
)
from tests.ledger.stored import task_message

pytestmark = pytest.mark.django_db

QUERY, REFERENCES = "/api/internal/credits", "/api/internal/references"


@pytest.fixture(autouse=True)
def _services_may_read(settings: Settings) -> None:
    settings.INTERNAL_JWT_SECRETS = (SECRET,)


def data_of(response: Any) -> Any:
    assert response.status_code == 200, response.content
    return response.json()["data"]


def one(merchant_id: UUID, **query: Any) -> Any:
    return data_of(ask_as_service(f"/api/internal/credits/{merchant_id}", **query))


def became(reference_type: str, reference_id: str) -> Any:
    return data_of(ask_as_service(REFERENCES, reference_type=reference_type, reference_id=reference_id))


class TestAccounts:
    def test_a_merchants_account_is_read_by_its_id(self) -> None:
        account = opened_account(credits_bought=100)
        post(requests(hold(merchant_id=account.merchant_id, amount=30)))

        assert one(account.merchant_id) == {
            "merchant_id": str(account.merchant_id), "platform_name": "shopify", "shop_domain": account.shop_domain,
            "balance": 100, "available": 70, "held": 30, "total_granted": 100, "total_consumed": 0,
            "total_expired": 0, "frozen": False, "sufficient": None,
        }  # fmt: skip

    @pytest.mark.parametrize(("amount", "sufficient"), [(1, True), (70, True), (71, False), (10**12, False)])
    def test_an_amount_is_sufficient_where_it_is_available(self, amount: int, sufficient: bool) -> None:
        account = opened_account(credits_bought=100)
        post(requests(hold(merchant_id=account.merchant_id, amount=30)))

        assert one(account.merchant_id, amount=amount)["sufficient"] is sufficient
        (row,) = data_of(ask_as_service(QUERY, body={"merchant_ids": [str(account.merchant_id)], "amount": amount}))
        assert row["account"]["sufficient"] is sufficient

    def test_nothing_is_sufficient_on_a_frozen_account(self) -> None:
        account = opened_account(credits_bought=100)
        freeze(account, actor="ann", reason="fraud")

        found = one(account.merchant_id, amount=1)

        assert (found["frozen"], found["sufficient"]) == (True, False)

    def test_a_merchant_without_account_has_none(self) -> None:
        assert refusal(ask_as_service(f"/api/internal/credits/{uuid4()}")) == (404, "CREDIT_ACCOUNT_NOT_FOUND")

    def test_many_are_answered_in_the_order_in_which_they_were_asked_for(self) -> None:
        accounts = [opened_account(credits_bought=amount) for amount in (3, 1, 2)]
        asked = [accounts[0].merchant_id, uuid4(), accounts[2].merchant_id, accounts[0].merchant_id]

        rows = data_of(ask_as_service(QUERY, body={"merchant_ids": [str(merchant_id) for merchant_id in asked]}))

        assert [row["merchant_id"] for row in rows] == [str(merchant_id) for merchant_id in asked]
        assert [row["account"] and row["account"]["balance"] for row in rows] == [3, None, 2, 3]

    def test_what_has_fallen_due_counts_for_one_and_for_many(self) -> None:
        soon = timezone.now() + timedelta(seconds=0.3)
        accounts = [opened_account(credits_bought=10) for _ in range(3)]
        post(requests(*(grant(merchant_id=account.merchant_id, amount=5, expires_at=soon) for account in accounts)))
        wait_until(soon)

        rows = data_of(ask_as_service(QUERY, body={"merchant_ids": [str(a.merchant_id) for a in accounts]}))

        assert [row["account"]["balance"] for row in rows] == [10, 10, 10]
        assert one(accounts[0].merchant_id)["total_expired"] == 5
        post_batch([], merchants=[accounts[0].merchant_id])
        assert one(accounts[0].merchant_id) == rows[0]["account"]

    def test_it_takes_the_same_statements_for_one_merchant_and_for_500(self) -> None:
        soon = timezone.now() + timedelta(seconds=0.5)
        accounts = [opened_account() for _ in range(500)]
        post(requests(*(grant(merchant_id=account.merchant_id, expires_at=soon) for account in accounts)))
        wait_until(soon)
        taken = []
        for some in (accounts[:1], accounts):
            with CaptureQueriesContext(connection) as queries:
                data_of(ask_as_service(QUERY, body={"merchant_ids": [str(a.merchant_id) for a in some]}))
            taken.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

        assert taken[0] == taken[1] <= 5

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "merchant_ids"),
            ({"merchant_ids": []}, "merchant_ids"),
            ({"merchant_ids": [str(uuid4())] * 501}, "merchant_ids"),
            ({"merchant_ids": [str(uuid4()), "x"]}, "merchant_ids.1"),
            ({"merchant_ids": [str(uuid4())], "amount": 0}, "amount"),
            ({"merchant_ids": [str(uuid4())], "amount": "5"}, "amount"),
            ({"merchant_ids": [str(uuid4())], "shop": 1}, "shop"),
        ],
    )
    def test_what_can_not_be_answered_is_refused_by_name(self, body: Any, field: str) -> None:
        response = ask_as_service(QUERY, body=body)

        assert refusal(response) == (422, "VALIDATION_ERROR")
        assert [one["field"] for one in response.json()["error"]["details"]["validation_errors"]] == [field]

    @pytest.mark.parametrize("body", [b"", b"{", b"\x00", b"\xff"])
    def test_a_body_that_is_no_json_is_refused_in_the_envelope(self, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {service_token()}"}

        response = Client().post(QUERY, body, content_type="application/json", headers=headers)

        assert refusal(response) == (422, "VALIDATION_ERROR")

    def test_500_is_not_too_many(self) -> None:
        rows = data_of(ask_as_service(QUERY, body={"merchant_ids": [str(uuid4()) for _ in range(500)]}))

        assert len(rows) == 500


class TestReferences:
    def test_a_posted_one_names_its_transaction(self) -> None:
        account = opened_account()
        bought = purchase(merchant_id=account.merchant_id, credits=40)
        post(requests(bought))
        row = Transaction.objects.get()

        found = became("purchase", bought.purchase_id)

        created_at = datetime.fromisoformat(found["transaction"].pop("created_at"))
        assert created_at == row.created_at
        assert found == {
            "reference_type": "purchase", "reference_id": bought.purchase_id, "status": "posted",
            "waiting": [], "parked": [],
            "transaction": {
                "transaction_id": str(row.id), "merchant_id": str(account.merchant_id), "operation": "credit",
                "kind": "purchase", "amount": 40, "balance": 40, "reason": None, "retried_by": None,
                "correlation_id": row.correlation_id,
            },
        }  # fmt: skip

    def test_a_declined_one_says_why_and_by_what_it_was_retried(self) -> None:
        account = opened_account()
        asked = consume(merchant_id=account.merchant_id, amount=5)
        (declined,) = post(requests(asked))
        assert declined.transaction_id is not None
        post(requests(purchase(merchant_id=account.merchant_id)))
        retried = retry(declined.transaction_id, actor="ann", reason="paid")

        found = became(asked.reference_type, asked.reference_id)

        assert (found["status"], found["transaction"]["reason"]) == ("declined", "insufficient_credits")
        assert found["transaction"]["retried_by"] == str(retried.transaction_id)

    def test_a_hold_is_recorded(self) -> None:
        account = opened_account(credits_bought=10)
        held = hold(merchant_id=account.merchant_id)
        post(requests(held))

        assert became(held.reference_type, held.reference_id)["status"] == "recorded"

    def test_one_that_waits_says_for_what(self) -> None:
        account = opened_account(credits_bought=10)
        unopened = consume_match()
        astray = capture(hold(merchant_id=account.merchant_id))
        trial, later = start_trial(merchant_id=account.merchant_id), datetime.now(UTC) + timedelta(days=1)
        post([*requests(unopened, astray), request(trial, due_at=later)])

        asked = (
            ("match", unopened.match_id),
            (astray.reference_type, astray.reference_id),
            ("trial", f"TRIAL_GRANT_{account.merchant_id}"),
        )
        found = [became(*reference) for reference in asked]

        assert [one["status"] for one in found] == ["waiting"] * 3
        assert [one["waiting"][0]["waits_for"] for one in found] == ["account", "target", "time"]
        assert datetime.fromisoformat(found[2]["waiting"][0]["due_at"]) == later

    def test_a_parked_one_says_why_and_names_the_field(self) -> None:
        asked = consume()
        refused = task_message(asked)
        park([ToPark(message=refused, reason=ParkReason.INVALID_FIELD, field="amount", detail="too much")])

        found = became(asked.reference_type, asked.reference_id)

        assert found["status"] == "parked"
        assert (found["parked"][0]["reason"], found["parked"][0]["field"]) == ("invalid_field", "amount")

    def test_one_that_a_person_has_dismissed_is_known_no_more(self) -> None:
        asked = consume()
        park([ToPark(message=task_message(asked), reason=ParkReason.NO_ACCOUNT)])
        dismiss([ParkedMessage.objects.get().pk], by="ann", reason="sent by mistake", at=timezone.now())

        found = became(asked.reference_type, asked.reference_id)

        assert (found["status"], found["parked"][0]["state"]) == ("unknown", "dismissed")

    def test_a_conflict_is_shown_beside_the_transaction_that_holds_the_reference(self) -> None:
        account = opened_account(credits_bought=10)
        asked = consume(merchant_id=account.merchant_id, amount=1)
        other = asked.model_copy(update={"amount": 2})
        post([request(asked), request(other, message=lambda: task_message(other))])

        found = became(asked.reference_type, asked.reference_id)

        assert (found["status"], found["transaction"]["amount"]) == ("posted", 1)
        assert found["parked"][0]["reason"] == "idempotency_conflict"

    @pytest.mark.parametrize(
        ("name", "fields", "reference"),
        [
            ("credits.purchase", {"purchase_id": "p-1", "credits": "x"}, ("purchase", "p-1")),
            ("evt.billing.credits.purchased.v1", {"purchase_id": "p-1"}, ("purchase", "p-1")),
            ("credits.consume_match", {"match_id": "m-1"}, ("match", "m-1")),
            ("credits.grant", {"reference_type": "promo", "reference_id": "a/b ?&"}, ("promo", "a/b ?&")),
            ("evt.billing.trial.started.v1", {"merchant_id": "ABC"}, ("trial", "TRIAL_GRANT_abc")),
        ],
    )
    def test_the_reference_of_a_malformed_message_is_made_out(
        self, name: str, fields: dict[str, Any], reference: tuple[str, str]
    ) -> None:
        body = {"data": fields} if name.startswith("evt.") else [[], fields, {}]
        message = Message(queue="q", name=name, body=json.dumps(body).encode(), headers={"id": fresh("id")})
        park([ToPark(message=message, reason=ParkReason.INVALID_FIELD)])

        assert became(*reference)["status"] == "parked"

    @pytest.mark.parametrize("body", [b"{", b"[]", b"[[], 5, {}]", b'[[], {"reference_type": 5}, {}]', b"\xff\x00"])
    def test_a_message_without_reference_is_parked_all_the_same(self, body: bytes) -> None:
        park([ToPark(message=Message(queue="q", name="n", body=body), reason=ParkReason.NOT_JSON)])

        assert became("q", "n")["status"] == "unknown"

    @pytest.mark.parametrize(
        ("query", "field"),
        [({"reference_id": "x"}, "reference_type"), ({"reference_type": "x"}, "reference_id"),
         ({"reference_type": "A B", "reference_id": "x"}, "reference_type"),
         ({"reference_type": "x", "reference_id": "\0"}, "reference_id")],
    )  # fmt: skip
    def test_what_is_no_reference_is_refused_by_name(self, query: dict[str, str], field: str) -> None:
        response = ask_as_service(REFERENCES, **query)

        assert refusal(response) == (422, "VALIDATION_ERROR")
        assert response.json()["error"]["details"]["validation_errors"][0]["field"] == field
