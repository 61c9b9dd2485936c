"""Sending a parked message again: as it came or as it was corrected, without what would have it parked at once."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.correcting import name_of
from ledger.messages import REPLAY_OF, SENT_FOR, Message, body_of, has_passed
from ledger.models import ParkedAct, ParkedMessage

# What the broker noted about earlier deliveries. Sent again, such notes would count against the new message:
# RabbitMQ drops one that it believes to go round in circles.
_NOTES_OF_THE_BROKER = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")


def newest_corrections(messages: Collection[ParkedMessage]) -> dict[int, ParkedAct]:
    """By message, what a replay would send instead of it as it came."""
    corrections = ParkedAct.objects.filter(parked__in=messages, what=ParkedAct.What.CORRECTED)
    return {correction.parked_id: correction for correction in corrections.order_by("id")}


def as_it_would_be_sent(message: ParkedMessage, correction: ParkedAct | None) -> Message:
    """The message with a correction, under the name that this gives it; without one, as it came.

    A corrected message is no longer its producer's: it goes without the name.
    """
    stored = _stored(message)
    if correction is None:
        return stored
    # A correction is plain JSON, whatever the first sender said that its bytes were.
    corrected = replace(
        stored,
        body=correction.body.encode(),
        headers=json.loads(correction.headers),
        properties={**_of_nobody(stored.properties), "content_type": "application/json", "content_encoding": "utf-8"},
    )
    return replace(corrected.without(SENT_FOR), name=name_of(corrected) or stored.name)


def _of_nobody(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name != "user_id"}


def _stored(message: ParkedMessage) -> Message:
    return Message(
        queue=message.queue,
        name=message.name,
        headers=json.loads(message.headers),
        properties=json.loads(message.properties),
        body=body_of(message.body, message.body_encoding),
    )


def to_send(message: Message, *, replay: UUID, at: datetime) -> dict[str, str]:
    """A message as Message.as_text writes it, without what would have it parked again at once."""
    return replace(
        message,
        headers={**_current(message.headers, at=at), REPLAY_OF: str(replay)},
        properties=_lasting(message.properties),
    ).as_text()


def _current(headers: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    return {
        name: value
        for name, value in headers.items()
        if not name.startswith(_NOTES_OF_THE_BROKER) and not (name in ("eta", "expires") and has_passed(value, at=at))
    }


def _lasting(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Without the broker's time to live, which ran from the first publishing."""
    return {name: value for name, value in properties.items() if name != "expiration"}
