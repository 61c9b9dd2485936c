"""An idempotency conflict: the request that holds a reference beside the one that was refused, line by line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger import messages
from ledger.commands import Capture, Consume, ConsumeMatch, Hold, Release, Reverse
from ledger.events import rfc3339
from ledger.messages import body_of, fields_in
from ledger.models import ParkedMessage, Transaction

# What each task asks for, as a repeat is compared by it: an operation of its own, or a direction. The others credit.
_OPERATIONS = {
    Hold.task: "hold",
    Capture.task: "capture",
    Release.task: "release",
    Reverse.task: "reverse",
    Consume.task: "debit",
    ConsumeMatch.task: "debit",
}
_KINDS_OF_THEIR_OWN = frozenset({"hold", "capture", "release", "reverse", "expire"})


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both requests. compared says whether a repeat must agree in it (docs/contract.md §1)."""

    label: str
    held: str
    refused: str
    compared: bool = False

    @property
    def differs(self) -> bool:
        """Whether this line is why the repeat was refused."""
        return self.compared and self.held != self.refused


def side_by_side(parked: ParkedMessage) -> list[Line]:
    """Both requests of an idempotency conflict; no lines where the message conflicts with nothing."""
    held = parked.conflicts_with
    if held is None:
        return []
    fields = fields_of(parked)
    return [
        Line("Merchant", str(held.merchant_id), _merchant(parked, fields), compared=True),
        Line("Operation", _asked(held), _operation(parked, fields), compared=True),
        Line("Amount as stated", *_amounts(held, fields), compared=True),
        *_targets(held, fields),
        Line("Reference", str(held), str(held)),
        Line("Kind, or task", held.kind, parked.name),
        Line("Description", held.description, str(fields.get("description", ""))),
        Line("Metadata", _json(held.metadata), _json(fields.get("metadata", {}))),
        Line("Correlation id", held.correlation_id, parked.correlation_id),
        Line("Time", rfc3339(held.created_at), rfc3339(parked.first_seen_at)),
    ]


def fields_of(parked: ParkedMessage) -> Mapping[str, Any]:
    """The fields of the request in a parked message: a task's keyword arguments, or an event's data; else none."""
    return fields_in(content_of(parked))


def content_of(parked: ParkedMessage) -> Any:
    """The message's body as JSON values; None where it isn't JSON."""
    return messages.content_of(body_of(parked.body, parked.body_encoding))


def _merchant(parked: ParkedMessage, fields: Mapping[str, Any]) -> str:
    return str(parked.merchant_id or fields.get("merchant_id", "")).lower()


def _asked(held: Transaction) -> str:
    return held.kind if held.kind in _KINDS_OF_THEIR_OWN else held.operation


def _operation(parked: ParkedMessage, fields: Mapping[str, Any]) -> str:
    if "match_id" in fields:  # the task, or the event of that match
        return "debit"
    return _OPERATIONS.get(parked.name, "credit")


def _targets(held: Transaction, fields: Mapping[str, Any]) -> list[Line]:
    """What both requests aim at; no line where neither aims at anything."""
    before = "/".join(held.terms.get("target", ()))
    refused = "/".join(
        str(fields[name])
        for role in ("hold", "original")
        for name in (f"{role}_reference_type", f"{role}_reference_id")
        if name in fields
    )
    return [Line("Aims at", before, refused, compared=True)] if before or refused else []


def _amounts(held: Transaction, fields: Mapping[str, Any]) -> tuple[str, str]:
    """The amounts that the two callers stated. A match states 1; a trial states none and so agrees with any."""
    stated = 1 if "match_id" in fields else fields.get("amount", fields.get("credits"))
    before = "not stated" if held.stated_amount is None else str(held.stated_amount)
    return before, before if stated is None else str(stated)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
