"""The events: what the ledger tells the world, and the envelope that each one travels in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from ledger.identifiers import derived

GRANTED = "evt.credits.granted.v1"
CONSUMED = "evt.credits.consumed.v1"
INSUFFICIENT = "evt.credits.insufficient.v1"
LOW_BALANCE = "evt.credits.low_balance.v1"
EXHAUSTED = "evt.credits.exhausted.v1"
RECOVERED = "evt.credits.recovered.v1"
EXPIRED = "evt.credits.expired.v1"
EXPIRING_SOON = "evt.credits.expiring_soon.v1"
HELD = "evt.credits.held.v1"
CAPTURED = "evt.credits.captured.v1"
RELEASED = "evt.credits.released.v1"
REVERSED = "evt.credits.reversed.v1"
DECLINED = "evt.credits.declined.v1"

SOURCE_SERVICE = "credit-service"


class Event(NamedTuple):
    """Something that happened on one account; stored in the same database transaction as its cause."""

    event_type: str
    transaction_id: UUID
    correlation_id: str
    occurred_at: datetime
    account_sequence: int
    transaction_sequence: int | None
    data: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        """A UUID made from the transaction's id and the event type, so that it never changes on a repeat."""
        return derived(self.transaction_id, self.event_type)

    def envelope(self) -> dict[str, Any]:
        """The event as it is published: plain JSON values."""
        return {
            "event_id": self.event_id,
            "event_type": self.event_type,
            "correlation_id": self.correlation_id,
            "source_service": SOURCE_SERVICE,
            "timestamp": rfc3339(self.occurred_at),
            "data": dict(self.data),
            "metadata": {
                "account_sequence": self.account_sequence,
                "transaction_sequence": self.transaction_sequence,
            },
        }


@lru_cache(maxsize=64)  # one batch's rows and events bear one moment, mostly
def rfc3339(moment: datetime) -> str:
    """The moment in UTC with microseconds, such as 2026-01-31T12:00:00.000000Z."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
