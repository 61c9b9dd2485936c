"""Replaying: a message that was parked and sent again, and a worker's part of carrying it out."""

import json
from datetime import UTC, datetime
from typing import Any

from ledger.commands import Command
from ledger.journal.parking import ToPark, park
from ledger.journal.post import Posted
from ledger.journal.surely import post_surely
from ledger.messages import Message, replay_in
from ledger.models import OutboxRow, ParkedMessage
from ledger.outcomes import ParkReason
from ledger.parking import replay
from ledger.requests import Request
from ledger.rules.batch import Waiting
from tasks.reading import read_command
from tests.ledger.racing import wait
from tests.ledger.stored import task_message

AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def parked_as(command: Command, *, name: str = "", kwargs: Any = None, **fields: Any) -> ParkedMessage:
    """A command's message that was parked; fields are what is wrong with it."""
    message = task_message(command)
    body = kwargs or {**json.loads(message.body)[1], **fields}
    headers = {**message.headers, "task": name or command.task}
    wrong = Message(
        message.queue, name or command.task, json.dumps([[], body, {}]).encode(), headers, message.properties
    )
    park([ToPark(message=wrong, reason=ParkReason.DEFECT)])
    return ParkedMessage.objects.get(fingerprint=wrong.fingerprint)


def replayed(command: Command, **how: Any) -> tuple[ParkedMessage, Message]:
    """The row of a message that was parked and sent again, and the message that was sent."""
    parked = parked_as(command, **how)
    replay([parked.pk], by="anna", at=AT)
    row = OutboxRow.objects.filter(destination="message").order_by("-id")[0]
    return parked, Message.from_text(row.body)


def carry_out(*messages: Message, due_at: datetime | None = None) -> Posted:
    """Post and park what messages hold, as a worker's batch does."""
    items = [item for message in messages for item in _items(message)]
    requests = [item for item in items if isinstance(item, Request)]
    if due_at is not None:
        requests = [Request(r.command, r.correlation_id, r.message, due_at, replay=r.replay) for r in requests]
    posted = post_surely([Waiting(request) for request in requests], pause=wait) if requests else Posted()
    park([item for item in items if isinstance(item, ToPark)])
    return posted


def _items(message: Message) -> list[Any]:
    return read_command(
        message.name,
        json.loads(message.body)[1],
        correlation_id="corr-1",
        whole=lambda: message,
        replay=replay_in(message.headers),
    )
