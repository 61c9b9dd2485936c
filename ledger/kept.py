"""Kept: what a correction may not change of the message that it corrects, so far as this can be read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from ledger.claims import UNKNOWN, claim_in
from ledger.commands import COMMANDS, Consume, ConsumeMany
from ledger.correcting import name_of
from ledger.errors import Refused
from ledger.fields import MAX_ITEMS, MerchantId
from ledger.messages import Message, content_of, fields_in
from ledger.plain_events import EVENTS
from ledger.rules.state import Reference

NAMES = frozenset({*COMMANDS, ConsumeMany.task, *EVENTS})
_merchant: TypeAdapter[UUID] = TypeAdapter(MerchantId)


class Asked(NamedTuple):
    """Whom a request is about, and which reference it claims; None and UNKNOWN where that can't be read."""

    merchant_id: UUID | None
    reference: Reference


def check_kept(original: Message, corrected: Message) -> None:
    """Raise Refused, naming the field, where a correction makes another request of a message than it was.

    Task or event, merchant and reference stay wherever the original has them; of a `consume_many` items may be left
    out, none added. Links stay or go.
    """
    name = _name_in(original)
    if name and name_of(corrected) != name:
        raise Refused(f"must stay {name}", field="headers.task" if name not in EVENTS else "event_type")
    if _embed_in(corrected) != _embed_in(original) and any(_embed_in(corrected).values()):
        raise Refused("must be empty, or stay as it is: a correction adds no link", field="embed")
    left = list(_asked_in(original, name or name_of(corrected)))
    for asked in _asked_in(corrected, name_of(corrected)):
        _take(left, asked)


def _take(left: list[Asked], asked: Asked) -> None:
    """Take the one of the original's requests that this one corrects: the one of which most is known."""
    of_merchant = [was for was in left if was.merchant_id in (None, asked.merchant_id)]
    fitting = [was for was in of_merchant if was.reference in (UNKNOWN, asked.reference)]
    if not fitting:
        field, what = ("reference_id", "reference") if of_merchant else ("merchant_id", "merchant")
        raise Refused(f"must stay the {what} that the message came with", field=field)
    left.remove(max(fitting, key=lambda was: (was.merchant_id is not None) + (was.reference != UNKNOWN)))


def _name_in(message: Message) -> str:
    return next((name for name in (name_of(message), message.name) if name in NAMES), "")


def _embed_in(message: Message) -> Mapping[str, Any]:
    content = content_of(message.body)
    embed = content[2] if isinstance(content, list) and len(content) == 3 else None
    return embed if isinstance(embed, dict) else {}


def _asked_in(message: Message, name: str) -> Iterator[Asked]:
    """What each request in a message asks for; where no items can be read, any number of one."""
    fields = fields_in(content_of(message.body))
    if name != ConsumeMany.task:
        yield _asked(name, fields)
        return
    items = fields.get("items")
    for item in items if isinstance(items, list) else [fields] * MAX_ITEMS:
        yield _asked(Consume.task, item if isinstance(item, dict) else {})


def _asked(name: str, fields: Mapping[str, Any]) -> Asked:
    if name in COMMANDS:  # what the command does not know is no reference of its either
        fields = {field: value for field, value in fields.items() if field in COMMANDS[name].model_fields}
    try:
        merchant_id = _merchant.validate_python(fields.get("merchant_id"))
    except ValidationError:
        merchant_id = None
    type_, id_ = claim_in(Message(queue="", name=name, body=json.dumps([[], fields, None]).encode()))
    # A trial's reference is its merchant's, and says no more.
    return Asked(merchant_id, UNKNOWN if type_ == "trial" else (type_, id_))
