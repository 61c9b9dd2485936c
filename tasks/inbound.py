"""Plain events: read, checked and turned into the commands that they become (docs/contract.md §2)."""

from typing import Any
from uuid import UUID

from kombu.message import Message as BrokerMessage

from ledger.messages import replay_in
from ledger.outcomes import ParkReason
from ledger.plain_events import EVENTS, PlainEnvelope
from ledger.requests import Request
from tasks.deliveries import Delivery, published_as, sender_of, whole
from tasks.encodings import payload_of
from tasks.errors import Refusal
from tasks.reading import read_correlation_id, to_park, validated


def read_event(message: BrokerMessage) -> Delivery:
    """What is to be done with a plain event: the request that it becomes, or the message to be parked."""
    routing_key = published_as(message)
    seen: dict[str, Any] = {}
    try:
        request = _read(message, routing_key, seen)
    except Refusal as refusal:
        name = seen.get("event_type", routing_key)
        parked = to_park(
            refusal,
            message=whole(message, name=name),
            correlation_id=seen.get("correlation_id", ""),
            fields=seen.get("data"),
        )
        return Delivery(message, name, parked=[parked])
    return Delivery(message, seen["event_type"], requests=[request])


def _read(message: BrokerMessage, routing_key: str, seen: dict[str, Any]) -> Request:
    """The request of a plain event; notes in `seen` what could be read before it was refused."""
    envelope: PlainEnvelope = validated(PlainEnvelope, _body(message))
    seen["data"] = envelope.data
    given = envelope.correlation_id or (envelope.event_id and str(envelope.event_id))
    seen["correlation_id"] = correlation_id = given or _made_up(message)
    if routing_key and envelope.event_type != routing_key:
        raise Refusal(ParkReason.INVALID_FIELD, field="event_type", detail=f"must equal the routing key {routing_key}")
    if envelope.event_type not in EVENTS:
        raise Refusal(ParkReason.INVALID_FIELD, field="event_type", detail="is not one of those listened to")
    seen["event_type"] = envelope.event_type
    try:
        data = validated(EVENTS[envelope.event_type], envelope.data)
    except Refusal as refusal:
        raise Refusal(refusal.reason, field=f"data.{refusal.field}", detail=refusal.detail) from None
    name = envelope.event_type
    return Request(
        data.as_command(),
        correlation_id,
        lambda: whole(message, name=name),
        producer=sender_of(message),
        replay=replay_in(message.headers),
    )


def _body(message: BrokerMessage) -> Any:
    try:
        return payload_of(message)
    except Exception as error:
        raise Refusal(ParkReason.NOT_JSON, field="body", detail=str(error)) from error


def _made_up(message: BrokerMessage) -> str:
    """A correlation id for an event that brought none: the broker's own, else made from the message itself."""
    given = message.properties.get("correlation_id") or message.headers.get("correlation_id")
    try:
        return read_correlation_id(given) or str(_from(message))
    except Refusal:
        return str(_from(message))


def _from(message: BrokerMessage) -> UUID:
    return UUID(whole(message, name="").fingerprint[:32])
