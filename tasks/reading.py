"""Reading: from a command's fields, as they came, to requests for the journal. Refuses and names the field."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from ledger.commands import COMMANDS, Command, Consume, ConsumeMany
from ledger.fields import Text, first_refused
from ledger.journal.parking import ToPark
from ledger.messages import REPLAY_OF, Message
from ledger.outcomes import Outcome, ParkReason, Status
from ledger.requests import Request
from tasks.errors import Refusal

Whole = Callable[[], Message]
Item = Request | ToPark

_correlation_id = TypeAdapter(Text)


def read_command(
    name: str, kwargs: Any, *, correlation_id: str, whole: Whole, producer: str = "", replay: str = ""
) -> list[Item]:
    """The requests of a command in order; in consume_many an item that is refused stands there to be parked.

    name is the task's; whole gives the message that brought the command, producer says who sent it; replay is what
    its headers name as such. Raises Refusal where the command as a whole is refused.
    """
    if not isinstance(kwargs, Mapping):
        raise Refusal(ParkReason.NOT_A_TASK, field="kwargs", detail="must be an object")
    if name == ConsumeMany.task:
        return _read_many(kwargs, correlation_id, whole, producer, replay)
    command = validated(COMMANDS[name], kwargs)
    return [Request(command, command.correlation_id or correlation_id, whole, producer=producer, replay=replay)]


def validated(model: Any, fields: Any) -> Any:
    """An instance of a pydantic model. Raises Refusal that names the first field that was refused."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        field, detail = first_refused(error)
        raise Refusal(ParkReason.INVALID_FIELD, field=field, detail=detail) from None


def read_correlation_id(*candidates: Any) -> str:
    """The first candidate that is there. Raises Refusal where it is no text of 1 to 255 printable characters."""
    for candidate in candidates:
        if candidate is None:
            continue
        try:
            return _correlation_id.validate_python(candidate, strict=True)
        except ValidationError as error:
            raise Refusal(
                ParkReason.INVALID_FIELD, field="correlation_id", detail=error.errors(include_url=False)[0]["msg"]
            ) from None
    return ""


def correlation_id_of(message: Message) -> str:
    """The correlation id that a malformed message names, if it can be made out."""
    headers = message.headers
    try:
        return read_correlation_id(headers.get("correlation_id"), headers.get("root_id"), headers.get("id"))
    except Refusal:
        return ""


def _read_many(kwargs: Mapping[str, Any], correlation_id: str, whole: Whole, producer: str, replay: str) -> list[Item]:
    many: ConsumeMany = validated(ConsumeMany, kwargs)
    shared = many.correlation_id or correlation_id
    items = enumerate(many.items)
    return [_read_item(index, item, shared, whole, producer, replay and f"{replay}/{index}") for index, item in items]


def _read_item(index: int, item: Any, correlation_id: str, whole: Whole, producer: str, replay: str) -> Item:
    alone = partial(_alone, index, item, correlation_id, whole, replay)
    try:
        command: Command = validated(Consume, item)
    except Refusal as refusal:
        return to_park(refusal, message=alone(), correlation_id=correlation_id, fields=item)
    return Request(command, command.correlation_id or correlation_id, alone, producer=producer, replay=replay)


def _alone(index: int, item: Any, correlation_id: str, whole: Whole, replay: str) -> Message:
    """An item of consume_many as a credits.consume message of its own, so that it can be replayed alone."""
    message = whole()
    headers = {
        **message.headers,
        "task": Consume.task,
        "id": f"{message.headers.get('id')}:{index}",
        "correlation_id": correlation_id,
        **({REPLAY_OF: replay} if replay else {}),
    }
    return replace(message, name=Consume.task, headers=headers, body=json.dumps([[], item, {}], default=str).encode())


def to_park(refusal: Refusal, *, message: Message, correlation_id: str = "", fields: Any = None) -> ToPark:
    """What is to be stored of a refused message; fields are its command's, where they could be read."""
    return ToPark(
        message=message,
        reason=ParkReason(refusal.reason),
        field=refusal.field,
        detail=refusal.detail,
        correlation_id=correlation_id,
        merchant_id=_merchant_id(fields),
    )


def parked(item: ToPark) -> Outcome:
    """The outcome of an item that is parked alone."""
    reason = ": ".join(part for part in (str(item.reason), item.field, item.detail) if part)
    return Outcome(Status.PARKED, merchant_id=item.merchant_id, reason=reason)


def _merchant_id(fields: Any) -> UUID | None:
    """The merchant that a refused command names, if it can be made out."""
    try:
        return UUID(str(fields["merchant_id"]))
    except (KeyError, TypeError, ValueError):
        return None
