"""One typed method for every command; each builds it, which checks it, and sends it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from credits_client.commands import (
    Capture,
    ChangeShop,
    Consume,
    ConsumeMany,
    ConsumeMatch,
    Grant,
    Hold,
    OpenAccount,
    Purchase,
    Release,
    Reverse,
    StartTrial,
)
from credits_client.event_verbs import EventVerbs
from credits_client.fields import DEFAULT_PRIORITY


class Verbs(EventVerbs):
    """What a producer can ask for, and tell. Every method returns the message's id; raises FieldRefused, NotConfirmed.

    An amount is whole credits. description, metadata and correlation_id may be left open.
    """

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
        category: str = "promotional",
        priority: int = DEFAULT_PRIORITY,
        effective_at: datetime | str | None = None,
        expires_at: datetime | str | None = None,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Grant credits for any other reason: goodwill, a promotion. Times need a time zone."""
        return self.send(
            Grant.of(
                {
                    "merchant_id": merchant_id,
                    "amount": amount,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "category": category,
                    "priority": priority,
                    "effective_at": effective_at,
                    "expires_at": expires_at,
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

    def hold(
        self,
        *,
        merchant_id: UUID | str,
        amount: int,
        reference_type: str,
        reference_id: str,
        expires_in_s: int,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Set credits aside for expires_in_s seconds (30 days at most), until they are captured or released."""
        return self.send(
            Hold.of(
                {
                    "merchant_id": merchant_id,
                    "amount": amount,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "expires_in_s": expires_in_s,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def capture(
        self,
        *,
        merchant_id: UUID | str,
        hold_reference_type: str,
        hold_reference_id: str,
        reference_type: str,
        reference_id: str,
        amount: int | None = None,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Consume what a hold has set aside, all or part of it; the rest is released."""
        return self.send(
            Capture.of(
                {
                    "merchant_id": merchant_id,
                    "hold_reference_type": hold_reference_type,
                    "hold_reference_id": hold_reference_id,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "amount": amount,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def release(
        self,
        *,
        merchant_id: UUID | str,
        hold_reference_type: str,
        hold_reference_id: str,
        reference_type: str,
        reference_id: str,
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Give up a hold."""
        return self.send(
            Release.of(
                {
                    "merchant_id": merchant_id,
                    "hold_reference_type": hold_reference_type,
                    "hold_reference_id": hold_reference_id,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def reverse(
        self,
        *,
        merchant_id: UUID | str,
        original_reference_type: str,
        original_reference_id: str,
        reference_type: str,
        reference_id: str,
        amount: int | None = None,
        on_shortfall: str = "decline",
        description: str = "",
        metadata: dict[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Undo a posted transaction, all or part of it. on_shortfall: decline, or take_what_is_left."""
        return self.send(
            Reverse.of(
                {
                    "merchant_id": merchant_id,
                    "original_reference_type": original_reference_type,
                    "original_reference_id": original_reference_id,
                    "reference_type": reference_type,
                    "reference_id": reference_id,
                    "amount": amount,
                    "on_shortfall": on_shortfall,
                    "description": description,
                    "metadata": {} if metadata is None else metadata,
                    "correlation_id": correlation_id,
                }
            )
        )

    def change_shop(
        self,
        *,
        merchant_id: UUID | str,
        platform_name: str,
        platform_shop_id: str,
        shop_domain: str,
        changed_at: datetime | str,
        correlation_id: str | None = None,
    ) -> str:
        """Move the account to another shop, as of changed_at, which needs a time zone."""
        return self.send(
            ChangeShop.of(
                {
                    "merchant_id": merchant_id,
                    "platform_name": platform_name,
                    "platform_shop_id": platform_shop_id,
                    "shop_domain": shop_domain,
                    "changed_at": changed_at,
                    "correlation_id": correlation_id,
                }
            )
        )
