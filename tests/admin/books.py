"""Books for the admin's pages to show: rows of every table that belong together, and pages by what they show."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model
from django.urls import reverse

from ledger.journal import post
from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import (
    Account,
    Hold,
    Lot,
    OutboxRow,
    ParkedMessage,
    ShopDifference,
    Transaction,
    WaitingCommand,
)
from ledger.outcomes import ParkReason
from tests.ledger.builders import (
    consume,
    consume_match,
    fresh,
    grant,
    hold,
    open_account,
    opened_account,
    purchase,
    request,
)

TABLES = (Account, Transaction, Lot, Hold, OutboxRow, WaitingCommand, ParkedMessage, ShopDifference)
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@dataclass(frozen=True)
class Books:
    """One merchant's account and, under one correlation id, one row of every other table at least."""

    account: Account
    correlation_id: str

    @property
    def merchant(self) -> str:
        return str(self.account.merchant_id)

    def row(self, model: type[Model]) -> Model:
        return model.objects.all()[0]


def one_of_everything() -> Books:
    """An account with transactions of every status, lots, a hold, and something waiting, parked and different."""
    account = opened_account(credits_bought=150)
    correlation_id = fresh("correlation")
    mine = {"merchant_id": account.merchant_id}
    post(
        [
            request(command, correlation_id=correlation_id)
            for command in (
                consume(**mine, amount=60, reference_id="report-7"),
                consume(**mine, amount=1_000),
                open_account(**mine),
                hold(**mine, amount=10),
                grant(**mine, effective_at=TOMORROW),
            )
        ]
    )
    post([request(grant(**mine), correlation_id=correlation_id, due_at=datetime.now(UTC) + timedelta(hours=1))])
    park_one(merchant_id=account.merchant_id, correlation_id=correlation_id)
    account.refresh_from_db()
    return Books(account, correlation_id)


def many_of_everything(*, count: int) -> Books:
    """The same with so many more of each, spread over other accounts too."""
    books = one_of_everything()
    for number in range(count):
        other = opened_account(credits_bought=5)
        mine = {"merchant_id": books.account.merchant_id}
        post(
            [
                request(consume_match(**mine), correlation_id=books.correlation_id),
                request(consume_match(merchant_id=other.merchant_id), correlation_id=books.correlation_id),
                request(open_account(**mine), correlation_id=books.correlation_id),
                request(consume_match(), correlation_id=books.correlation_id),
                request(hold(**mine, amount=1), correlation_id=books.correlation_id),
                request(grant(**mine, effective_at=TOMORROW), correlation_id=books.correlation_id),
            ]
        )
        park_one(**mine, correlation_id=books.correlation_id, body={"number": number})
    return books


def task_message(*, name: str = "credits.consume", queue: str = "credits.consume", **parts: Any) -> Message:
    """A Celery task's message; parts are its kwargs, headers and properties."""
    kwargs = parts.get("kwargs", {})
    return Message(
        queue=queue,
        name=name,
        body=json.dumps([[], kwargs, {}]).encode(),
        headers={"id": fresh("id"), "task": name, **parts.get("headers", {})},
        properties=parts.get("properties", {}),
    )


def right_body(**fields: Any) -> str:
    """The body of a credits.consume that is right, but for these fields."""
    return json.dumps([[], {**json.loads(consume().model_dump_json(exclude_unset=True)), **fields}, {}])


def park_one(*, message: Message | None = None, body: Any = None, **why: Any) -> ParkedMessage:
    """Park a message as the journal does; why is ToPark's, invalid_field unless it says otherwise."""
    message = message or task_message(kwargs=body or {"amount": "5"})
    park([ToPark(**{"message": message, "reason": ParkReason.INVALID_FIELD, "field": "amount", **why})])
    return ParkedMessage.objects.get(fingerprint=message.fingerprint)


def conflict() -> ParkedMessage:
    """A purchase that repeats another one's id with another amount, parked by the journal."""
    account = opened_account()
    mine = {"merchant_id": account.merchant_id, "purchase_id": fresh("purchase")}
    for credits_bought in (100, 250):
        command = purchase(**mine, credits=credits_bought)
        kwargs = json.loads(command.model_dump_json(exclude_unset=True))
        message = task_message(name="credits.purchase", queue="credits.grants", kwargs=kwargs)
        post([request(command, message=lambda message=message: message)])
    return ParkedMessage.objects.get(merchant_id=account.merchant_id)


def list_page(model: type[Model], **query: Any) -> str:
    """The address of a table's list."""
    return reverse(f"admin:ledger_{model._meta.model_name}_changelist", query=query)


def row_page(row: Model, action: str = "change") -> str:
    """The address of a row's page."""
    return reverse(f"admin:ledger_{row._meta.model_name}_{action}", args=[row.pk])


def rows_of(response: Any) -> list[Model]:
    """The rows that a list's page shows, in its order."""
    return list(response.context["cl"].result_list)
