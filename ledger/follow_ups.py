"""What follows what: for each event, where it goes once its transaction has been committed."""

from dataclasses import dataclass
from enum import StrEnum

from ledger import events


class Destination(StrEnum):
    """Where the relay sends an outbox row."""

    EVENT = "event"  # published to the exchange credits.events
    TASK = "task"  # enqueued as a Celery task, which publishes the event and tells the notifiers
    MESSAGE = "message"  # a stored message, sent again to the queue it came from


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One destination; name is the routing key of an event, or the name of a task."""

    destination: Destination
    name: str


_PUBLISHED = (
    events.GRANTED,
    events.CONSUMED,
    events.INSUFFICIENT,
    events.DECLINED,
    events.EXPIRED,
    events.EXPIRING_SOON,
    events.HELD,
    events.CAPTURED,
    events.RELEASED,
    events.REVERSED,
    events.RECOVERED,
)

FOLLOW_UPS: dict[str, FollowUp] = {
    **{event_type: FollowUp(Destination.EVENT, event_type) for event_type in _PUBLISHED},
    events.LOW_BALANCE: FollowUp(Destination.TASK, "credits.notify_low_balance"),
    events.EXHAUSTED: FollowUp(Destination.TASK, "credits.notify_exhausted"),
}
