"""Parked messages, a person's side: what each reason means, and sending a message again or dismissing it."""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.transaction import atomic

from ledger.journal.outbox import record_message
from ledger.models import ParkedMessage
from ledger.outcomes import ParkReason

AT_ONCE = 500  # messages that one call may resolve: it holds them whole in memory

MEANINGS: dict[ParkReason, str] = {
    ParkReason.NOT_JSON: "The body is not JSON. Its producer must send it again, correctly.",
    ParkReason.NOT_A_TASK: "The body is JSON, but not a Celery task message (protocol 2) nor an event's envelope.",
    ParkReason.UNKNOWN_TASK: "There is no task or event of this name. Its producer may be newer than this service.",
    ParkReason.INVALID_FIELD: "A field is missing, unknown or not what the contract allows; the detail says which.",
    ParkReason.POSITIONAL_ARGUMENTS: "The task was sent with positional arguments; only keyword arguments are taken.",
    ParkReason.IDEMPOTENCY_CONFLICT: "Its reference is held by another request, shown beside it. Nothing was applied.",
    ParkReason.NO_ACCOUNT: "It waited for its merchant's account, which did not open in time. Replay it once it has.",
    ParkReason.NO_TARGET: "It waited for the transaction that it aims at, which did not come. Replay it once it has.",
    ParkReason.EXPIRED: "Its time to live had passed before it could be applied. A replay applies it all the same.",
    ParkReason.UNDELIVERABLE: "It was delivered too often without being settled, and failed alone as well.",
    ParkReason.REVOKED: "It was revoked before it was applied. A replay applies it all the same.",
    ParkReason.NOTIFIER_FAILED: "A notifier kept failing. A replay notifies again; credits are not touched.",
    ParkReason.DEFECT: "This message alone fails, by the database's refusal or a defect of ours; the detail says how.",
}

# What the broker noted about earlier deliveries. Sent again, such notes would count against the new message:
# RabbitMQ drops one that it believes to go round in circles.
_NOTES_OF_THE_BROKER = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")


def replay(parked_ids: Collection[int], *, by: str, at: datetime) -> list[int]:
    """Send parked messages to their queues again, through the outbox; the ids of those that this call sent.

    A message that isn't parked any more, or that came from no queue, is left as it is. `by` is who decided, `at`
    is when. Raises ValueError for more than AT_ONCE ids.
    """
    with atomic():
        messages = _claim(parked_ids)
        sent = [message for message in messages if message.queue]
        _resolve(sent, state=ParkedMessage.State.REPLAYED, by=by, at=at)
        for message in sent:
            record_message(
                queue=message.queue,
                message=_to_send(message, at=at),
                correlation_id=message.correlation_id,
                at=at,
            )
    return [message.pk for message in sent]


def dismiss(parked_ids: Collection[int], *, by: str, at: datetime) -> list[int]:
    """Settle that nothing more is done about parked messages; the ids of those that this call dismissed.

    `by` is who decided, `at` is when. Raises ValueError for more than AT_ONCE ids.
    """
    with atomic():
        messages = _claim(parked_ids)
        _resolve(messages, state=ParkedMessage.State.DISMISSED, by=by, at=at)
    return [message.pk for message in messages]


def _claim(parked_ids: Collection[int]) -> list[ParkedMessage]:
    """Lock those that are still parked, in the order in which the journal locks them too.

    A second call at the same moment waits here and then finds them resolved; on SQLite it waits to begin.
    """
    if len(parked_ids) > AT_ONCE:
        raise ValueError(f"at most {AT_ONCE} messages at once, not {len(parked_ids)}")
    parked = ParkedMessage.objects.filter(pk__in=parked_ids, state=ParkedMessage.State.PARKED)
    return list(parked.order_by("fingerprint").select_for_update())


def _resolve(messages: Collection[ParkedMessage], *, state: ParkedMessage.State, by: str, at: datetime) -> None:
    still_parked = ParkedMessage.objects.filter(
        pk__in=[message.pk for message in messages], state=ParkedMessage.State.PARKED
    )
    still_parked.update(state=state, resolved_at=at, resolved_by=by[:255])


def _to_send(message: ParkedMessage, *, at: datetime) -> dict[str, str]:
    """The stored message in the form of Message.as_text, without what would have it parked again at once."""
    headers = json.loads(message.headers)
    properties = json.loads(message.properties)
    return {
        "queue": message.queue,
        "name": message.name,
        "headers": json.dumps(_current(headers, at=at) if isinstance(headers, dict) else headers),
        "properties": json.dumps(_lasting(properties) if isinstance(properties, dict) else properties),
        "body": message.body,
        "body_encoding": message.body_encoding,
    }


def _current(headers: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    return {
        name: value
        for name, value in headers.items()
        if not name.startswith(_NOTES_OF_THE_BROKER) and not (name in ("eta", "expires") and _has_passed(value, at=at))
    }


def _lasting(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Without the broker's time to live, which ran from the first publishing."""
    return {name: value for name, value in properties.items() if name != "expiration"}


def _has_passed(moment: Any, *, at: datetime) -> bool:
    """Whether an ISO 8601 moment, in UTC where it names no zone, lies before `at`; not where it is no moment."""
    try:
        parsed = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return False
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)) <= at
