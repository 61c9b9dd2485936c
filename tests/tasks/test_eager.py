"""Commands applied in the caller's own process: apply() and task_always_eager carry out the same body."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from creditsvc.celery import app
from ledger.models import Account, ParkedMessage
from tasks import handlers
from tasks.errors import CommandParked

TASKS = {
    task.name: task for task in (handlers.open_account, handlers.purchase, handlers.consume, handlers.consume_many)
}
MERCHANT = str(uuid4())
SHOP = {"platform_name": "shopify", "platform_shop_id": "gid://1", "shop_domain": "shop.example.com"}


@pytest.fixture
def always_eager() -> Iterator[None]:
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def merchant(own_database: str) -> str:
    """A merchant with 10 credits."""
    apply("credits.open_account", merchant_id=MERCHANT, **SHOP)
    apply("credits.purchase", merchant_id=MERCHANT, credits=10, purchase_id="purchase-1")
    return MERCHANT


def apply(task: str, *args: Any, **fields: Any) -> Any:
    """The result of a task that is carried out here and now."""
    return TASKS[task].apply(args, fields)


def consumption(merchant: str, **fields: Any) -> dict[str, Any]:
    return {"merchant_id": merchant, "amount": 4, "reference_type": "export", "reference_id": "export-1", **fields}


def test_apply_returns_the_outcome(merchant: str) -> None:
    result = apply("credits.consume", **consumption(merchant))

    assert (result.state, result.result["status"], result.result["balance"]) == ("SUCCESS", "posted", 6)
    assert Account.objects.get(merchant_id=merchant).balance == 6


def test_always_eager_returns_the_outcome(merchant: str, always_eager: None) -> None:
    result = TASKS["credits.consume"].delay(**consumption(merchant))

    assert result.get()["balance"] == 6


def test_consume_many_tells_of_each_item(merchant: str) -> None:
    items = [consumption(merchant), consumption(merchant, amount=0), consumption(merchant, reference_id="export-2")]

    outcome = apply("credits.consume_many", items=items).result

    assert outcome["status"] == "mixed"
    assert [item["status"] for item in outcome["items"]] == ["posted", "parked", "posted"]
    assert ParkedMessage.objects.get().field == "amount"


@pytest.mark.django_db
def test_what_is_applied_within_a_transaction_leaves_the_callers_connection_open() -> None:
    result = apply("credits.consume", **consumption(MERCHANT, amount="4"))

    assert result.state == "FAILURE"
    assert ParkedMessage.objects.get().field == "amount"


def test_a_refused_command_fails_and_is_parked(merchant: str) -> None:
    result = apply("credits.consume", **consumption(merchant, amount="4"))

    assert result.state == "FAILURE"
    with pytest.raises(CommandParked) as parked:
        result.get()
    assert parked.value.outcome["status"] == "parked"
    assert ParkedMessage.objects.get().field == "amount"


def test_positional_arguments_are_parked(merchant: str) -> None:
    result = apply("credits.consume", merchant, 4)

    assert result.state == "FAILURE"
    assert ParkedMessage.objects.get().reason == "positional_arguments"
