"""The plain events that the credit service listens to. To build one is to check it."""

from typing import ClassVar

from credits_client.commands import Checked
from credits_client.fields import Amount, Count, MerchantId, Moment, Platform, ShopDomain, Text


class PlainEvent(Checked):
    """Something that happened in the sender's service.

    correlation_id, where given, is on every log line, transaction and event that follows; else the event's id is.
    """

    event_type: ClassVar[str]

    merchant_id: MerchantId
    correlation_id: Text | None = None

    @classmethod
    def label(cls) -> str:
        return cls.event_type


class MerchantCreated(PlainEvent):
    """A merchant signed up: opens the account."""

    event_type: ClassVar[str] = "evt.merchant.created.v1"

    platform: Platform
    shop_domain: ShopDomain
    shop_gid: Text


class TrialStarted(PlainEvent):
    """A trial began: grants the trial's credits."""

    event_type: ClassVar[str] = "evt.billing.trial.started.v1"

    ends_at: Moment


class CreditsPurchased(PlainEvent):
    """Credits were bought: grants them."""

    event_type: ClassVar[str] = "evt.billing.credits.purchased.v1"

    credits: Amount
    purchase_id: Text


class MatchCompleted(PlainEvent):
    """An AI match was delivered: consumes one credit."""

    event_type: ClassVar[str] = "evt.ai.match.completed.v1"

    match_id: Text
    shopper_id: Text
    matched_items_count: Count


EVENTS: dict[str, type[PlainEvent]] = {
    event.event_type: event for event in (MerchantCreated, TrialStarted, CreditsPurchased, MatchCompleted)
}
