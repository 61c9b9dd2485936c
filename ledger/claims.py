"""Claims: which reference a message asks for, as far as that can be made out of it, whatever is wrong with it."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ledger.commands import StartTrial
from ledger.fields import AnyReferenceType, Text
from ledger.messages import Message, content_of, fields_in
from ledger.requests import Request
from ledger.rules.movements import movement_of, moves
from ledger.rules.state import Policy, Reference

UNKNOWN: Reference = ("", "")
TRIAL_STARTED = "evt.billing.trial.started.v1"
# By the field that holds its id, the type of a reference that is not named in full.
_TYPES = {"purchase_id": "purchase", "match_id": "match"}
# Nothing else can be asked for, so nothing else need be found.
_reference: TypeAdapter[Reference] = TypeAdapter(tuple[AnyReferenceType, Text])


def claim_of(request: Request) -> Reference:
    """The reference that a request will claim; UNKNOWN for one that claims none."""
    return movement_of(request, Policy()).reference if moves(request.command) else UNKNOWN


def claim_in(message: Message) -> Reference:
    """The reference that a message asks for; UNKNOWN where it can't be made out."""
    fields = fields_in(content_of(message.body))
    try:
        return _reference.validate_python(_named(message.name, fields))
    except ValidationError:
        return UNKNOWN


def _named(name: str, fields: Mapping[str, Any]) -> tuple[Any, Any]:
    if name in (StartTrial.task, TRIAL_STARTED):
        return "trial", f"TRIAL_GRANT_{str(fields.get('merchant_id', '')).lower()}"
    for field, type_ in _TYPES.items():
        if field in fields:
            return type_, fields[field]
    return fields.get("reference_type"), fields.get("reference_id")
