"""What is stored of a shopper: rows of every table that holds what callers wrote, and a dump of all tables."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from ledger.commands import Command
from ledger.journal import post
from ledger.journal.keeping import Kept, keep
from ledger.journal.parking import ToPark, park
from ledger.messages import Message
from ledger.models import Account, OutboxBatch, OutboxRow, ParkedMessage, Transaction, WaitingCommand
from ledger.outcomes import ParkReason
from ledger.parking import replay
from ledger.staff import retry
from tests.ledger.builders import consume, consume_match, fresh, grant, hold, opened_account, request, requests

SHOPPER = "shopper-7f3a0c"
AHEAD = datetime(2999, 1, 1, tzinfo=UTC)


def dump() -> dict[str, str]:
    """By table, all that stands in it, as text."""
    contents = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            contents[table] = "\n".join(_as_text(value) for row in cursor.fetchall() for value in row)
    return contents


def tables_naming(text: str) -> set[str]:
    """The tables in which a text is to be found."""
    return {table for table, content in dump().items() if text in content}


def task_message(command: Command, **headers: Any) -> Message:
    """A command as a Celery producer sends it, with the repetition of its arguments in the headers."""
    kwargs = json.loads(command.model_dump_json(exclude_unset=True))
    repeated = {"argsrepr": "()", "kwargsrepr": repr(kwargs), "origin": "checkout"}
    return Message(
        queue="credits.consume",
        name=command.task,
        body=json.dumps([[], kwargs, {"callbacks": None}]).encode(),
        headers={"lang": "py", "task": command.task, "id": fresh("id"), **repeated, **headers},
        properties={"content_type": "application/json", "content_encoding": "utf-8"},
    )


def about_shopper(shopper_id: str = SHOPPER) -> dict[str, Any]:
    """What a generic command says of a shopper."""
    return {"description": f"for {shopper_id}", "metadata": {"shopper_id": shopper_id, "note": f"call {shopper_id}"}}


def transactions_of(account: Account, shopper_id: str = SHOPPER) -> list[Transaction]:
    """Posted, recorded, pending and declined rows about the shopper, and a retry."""
    mine = {"merchant_id": account.merchant_id}
    before = set(Transaction.objects.values_list("pk", flat=True))
    post(
        requests(
            consume_match(**mine, shopper_id=shopper_id),
            consume(**mine, **about_shopper(shopper_id)),
            hold(**mine, **about_shopper(shopper_id)),
            grant(**mine, **about_shopper(shopper_id), effective_at=AHEAD),
            consume(**mine, amount=10**6, **about_shopper(shopper_id)),
        )
    )
    declined = Transaction.objects.get(account=account, status="declined", reference_type="export")
    retry(declined.pk, actor="anna", reason="asked to")
    return list(Transaction.objects.exclude(pk__in=before))


def waiting_of(shopper_id: str = SHOPPER) -> list[WaitingCommand]:
    """A match of a merchant without account, one whose time has not come, and a message kept whole."""
    unopened = consume_match(shopper_id=shopper_id)
    later = consume(merchant_id=opened_account().merchant_id, **about_shopper(shopper_id))
    asking = consume_match(shopper_id=shopper_id)
    post([_told(unopened), _told(later, due_at=datetime.now(UTC) + timedelta(days=1))])
    keep([Kept(message=task_message(asking, ignore_result=False), correlation_id=fresh("corr"), due_at=AHEAD)])
    return list(WaitingCommand.objects.order_by("id"))


def parked_of(shopper_id: str = SHOPPER) -> list[ParkedMessage]:
    """Messages about the shopper that can't be carried out, of every shape that a message may have."""
    merchant = str(opened_account().merchant_id)
    fields = {"merchant_id": merchant, "match_id": "m-1", "shopper_id": shopper_id}
    event = {"event_type": "evt.ai.match.completed.v1", "data": fields}
    bodies: list[bytes] = [
        json.dumps([[], fields, {}]).encode(),
        json.dumps([[merchant, "m-2", shopper_id, 3], {}, {}]).encode(),
        json.dumps([[], {"items": [{"amount": 1}, {"amount": "x", **about_shopper(shopper_id)}]}, {}]).encode(),
        json.dumps(event).encode(),
        b'{"shopper_id": "' + shopper_id.encode() + b'", not json',
        b"\xff\x00" + shopper_id.encode() + b" of " + merchant.encode(),
    ]
    messages = [
        Message(
            queue="credits.consume",
            name="credits.consume_match",
            body=body,
            headers={"id": fresh("id"), "kwargsrepr": f"{{'shopper_id': '{shopper_id}'}}"},
            properties={"reply_to": f"for {shopper_id}"},
        )
        for body in bodies
    ]
    before = set(ParkedMessage.objects.values_list("pk", flat=True))
    park([ToPark(message=message, reason=ParkReason.DEFECT, detail=f"row {shopper_id}") for message in messages])
    return list(ParkedMessage.objects.exclude(pk__in=before).order_by("id"))


def sent_again_of(shopper_id: str = SHOPPER) -> list[OutboxRow]:
    """Two messages about the shopper that were replayed: one is published, one still to be."""
    before = set(OutboxRow.objects.values_list("pk", flat=True))
    for _ in range(2):
        message = task_message(consume_match(shopper_id=shopper_id))
        park([ToPark(message=message, reason=ParkReason.EXPIRED)])
        replay([ParkedMessage.objects.get(fingerprint=message.fingerprint).pk], by="anna", at=datetime.now(UTC))
    published, unpublished = OutboxRow.objects.exclude(pk__in=before).order_by("id")
    OutboxBatch.objects.filter(pk=published.batch_id).update(published_at=datetime.now(UTC))
    return [published, unpublished]


def all_of(shopper_id: str = SHOPPER) -> None:
    """Something about the shopper in every table that may hold it."""
    transactions_of(opened_account(credits_bought=500), shopper_id)
    waiting_of(shopper_id)
    parked_of(shopper_id)
    sent_again_of(shopper_id)


def _told(command: Command, **fields: Any) -> Any:
    message = task_message(command)
    return request(command, message=lambda: message, **fields)


def _as_text(value: Any) -> str:
    return bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
