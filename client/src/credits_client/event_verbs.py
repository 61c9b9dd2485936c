"""One typed method for every plain event; each builds it, which checks it, and sends it."""

from abc import ABC, abstractmethod
from datetime import datetime
from uuid import UUID

from credits_client.commands import Command
from credits_client.events import CreditsPurchased, MatchCompleted, MerchantCreated, PlainEvent, TrialStarted


class EventVerbs(ABC):
    """What a producer can tell. Every method returns the event's id, and raises FieldRefused or NotConfirmed."""

    @abstractmethod
    def send(self, what: Command | PlainEvent, *, message_id: UUID | str | None = None) -> str:
        """Send one command or plain event. message_id is for sending the same message again."""

    def merchant_created(
        self,
        *,
        merchant_id: UUID | str,
        platform: str,
        shop_domain: str,
        shop_gid: str,
        correlation_id: str | None = None,
    ) -> str:
        """Tell that a merchant signed up: opens the account."""
        return self.send(
            MerchantCreated.of(
                {
                    "merchant_id": merchant_id,
                    "platform": platform,
                    "shop_domain": shop_domain,
                    "shop_gid": shop_gid,
                    "correlation_id": correlation_id,
                }
            )
        )

    def trial_started(
        self, *, merchant_id: UUID | str, ends_at: datetime | str, correlation_id: str | None = None
    ) -> str:
        """Tell that a trial began: grants the trial's credits."""
        return self.send(
            TrialStarted.of({"merchant_id": merchant_id, "ends_at": ends_at, "correlation_id": correlation_id})
        )

    def credits_purchased(
        self,
        *,
        merchant_id: UUID | str,
        credits: int,  # the contract's name
        purchase_id: str,
        correlation_id: str | None = None,
    ) -> str:
        """Tell that credits were bought: grants them."""
        return self.send(
            CreditsPurchased.of(
                {
                    "merchant_id": merchant_id,
                    "credits": credits,
                    "purchase_id": purchase_id,
                    "correlation_id": correlation_id,
                }
            )
        )

    def match_completed(
        self,
        *,
        merchant_id: UUID | str,
        match_id: str,
        shopper_id: str,
        matched_items_count: int,
        correlation_id: str | None = None,
    ) -> str:
        """Tell that an AI match was delivered: consumes one credit."""
        return self.send(
            MatchCompleted.of(
                {
                    "merchant_id": merchant_id,
                    "match_id": match_id,
                    "shopper_id": shopper_id,
                    "matched_items_count": matched_items_count,
                    "correlation_id": correlation_id,
                }
            )
        )
