"""What the service makes of fields that reach it unchecked: through kombu's JSON, as over every broker."""

from typing import Any

from kombu.utils import json
from pydantic import BaseModel, ValidationError

from ledger.commands import COMMANDS, Consume, ConsumeMany
from ledger.plain_events import EVENTS


class Refused(Exception):
    """The service would park it."""


def read(name: str, fields: Any) -> Any:
    """The service's own model of a command or event of that name. Raises Refused."""
    arrived = over_the_wire(fields)
    if name in EVENTS:
        return validated(EVENTS[name], arrived)
    if name == ConsumeMany.task:
        many = validated(ConsumeMany, arrived)
        return [validated(Consume, item) for item in many.items]
    return validated(COMMANDS[name], arrived)


def over_the_wire(fields: Any) -> Any:
    """The fields as they are after the journey, had the client sent them as they were given."""
    try:
        return json.loads(json.dumps(fields))
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(str(error)) from error


def validated(model: type[BaseModel], fields: Any) -> Any:
    """The model with these fields. Raises Refused."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise Refused(str(error)) from error
