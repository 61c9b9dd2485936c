"""One typed method for every command and every plain event; each builds it, which checks it, and sends it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from credits_client.commands import (
    Command,
    Consume,
    ConsumeMany,
    ConsumeMatch,
    Grant,
    OpenAccount,
    Purchase,
    StartTrial,
)
from credits_client.events import CreditsPurchased, MatchCompleted, MerchantCreated, PlainEvent, TrialStarted


class Verbs(ABC):
    """What a producer can say. Every method returns the message's id, and raises FieldRefused or NotConfirmed.

    An amount is whole credits. description, metadata and correlation_id may be left open.
    """

    @abstractmethod
    def send(self, what: Command | PlainEvent, *, message_id: UUID | str | None = None) -> str:
        """Send one command or plain event. message_id is for sending the same message again."""

    def open_account(
        self,
        *,
        merchant_id: UUID | str,
        platform_name: str,
        platform_shop_id: str,
        shop_domain: str,
        correlation_id: str | None = None,
    ) -> str:
        """Open the merchant's account at 0."""
        return self.send(
            OpenAccount.of(
                {
                    "merchant_id": merchant_id,
                    "platform_name": platform_name,
                    "platform_shop_id": platform_shop_id,
                    "shop_domain": shop_domain,
                    "correlation_id": correlation_id,
                }
            )
        )

    def start_trial(
        self, *, merchant_id: UUID | str, ends_at: datetime | str, correlation_id: str | None = None
    ) -> str:
        """Grant the trial's credits, once per merchant for ever. ends_at needs a time zone."""
        return self.send(
            StartTrial.of({"merchant_id": merchant_id, "ends_at": ends_at, "correlation_id": correlation_id})
        )

    def purchase(
        self,
        *,
        merchant_id: UUID | str,
        credits: int,  # the contract's name
        purchase_id: str,
        correlation_id: str | None = None,
    ) -> str:
        """Grant credits that were bought."""
        return self.send(
            Purchase.of(
                {
                    "merchant_id": merchant_id,
                    "credits": credits,
                    "purchase_id": purchase_id,
                    "correlation_id": correlation_id,
                }
            )
        )

    def grant(
        self,
        *,
        merchant_id: UUID | str,
        amount: int,
        reference_type: str,
        reference_id: str,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Grant credits for any other reason: goodwill, a promotion."""
        return self.send(
            Grant.of(
                {
                    "merchant_id": merchant_id,
                    "amount": amount,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def consume_match(
        self,
        *,
        merchant_id: UUID | str,
        match_id: str,
        shopper_id: str,
        matched_items_count: int,
        correlation_id: str | None = None,
    ) -> str:
        """Consume one credit for an AI match that was delivered, also where it matched no items."""
        return self.send(
            ConsumeMatch.of(
                {
                    "merchant_id": merchant_id,
                    "match_id": match_id,
                    "shopper_id": shopper_id,
                    "matched_items_count": matched_items_count,
                    "correlation_id": correlation_id,
                }
            )
        )

    def consume(
        self,
        *,
        merchant_id: UUID | str,
        amount: int,
        reference_type: str,
        reference_id: str,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Consume credits for any other reason."""
        return self.send(
            Consume.of(
                {
                    "merchant_id": merchant_id,
                    "amount": amount,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def consume_many(self, items: Sequence[Consume | Mapping[str, Any]], *, correlation_id: str | None = None) -> str:
        """1 to 500 consumptions in one message; each stands on its own. A refused one is named as items.3.amount."""
        return self.send(ConsumeMany.of({"items": list(items), "correlation_id": correlation_id}))

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
