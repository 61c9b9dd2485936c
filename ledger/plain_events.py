"""Plain events that other services publish: their shape, and the command that each becomes (docs/contract.md §2)."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from ledger.commands import Command, ConsumeMatch, OpenAccount, Purchase, StartTrial
from ledger.fields import Amount, Count, MerchantId, Moment, Platform, ShopDomain, Text, Uuid


class _Given(BaseModel):
    """What a producer sent; fields beyond those listed are ignored, since a producer may add some."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class PlainEnvelope(_Given):
    """What a plain event travels in; only event_type and data are required."""

    event_type: Text
    data: dict[str, Any]
    event_id: Uuid | None = None
    correlation_id: Text | None = None
    source_service: Text | None = None
    timestamp: Moment | None = None
    metadata: dict[str, Any] | None = None


class _MerchantCreated(_Given):
    merchant_id: MerchantId
    platform: Platform
    shop_domain: ShopDomain
    shop_gid: Text

    def as_command(self) -> Command:
        return OpenAccount(
            merchant_id=self.merchant_id,
            platform_name=self.platform,
            platform_shop_id=self.shop_gid,
            shop_domain=self.shop_domain,
        )


class _TrialStarted(_Given):
    merchant_id: MerchantId
    ends_at: Moment

    def as_command(self) -> Command:
        return StartTrial(merchant_id=self.merchant_id, ends_at=self.ends_at)


class _CreditsPurchased(_Given):
    merchant_id: MerchantId
    credits: Amount
    purchase_id: Text

    def as_command(self) -> Command:
        return Purchase(merchant_id=self.merchant_id, credits=self.credits, purchase_id=self.purchase_id)


class _MatchCompleted(_Given):
    merchant_id: MerchantId
    match_id: Text
    shopper_id: Text
    matched_items_count: Count

    def as_command(self) -> Command:
        return ConsumeMatch(
            merchant_id=self.merchant_id,
            match_id=self.match_id,
            shopper_id=self.shopper_id,
            matched_items_count=self.matched_items_count,
        )


EVENTS: dict[str, Any] = {
    "evt.merchant.created.v1": _MerchantCreated,
    "evt.billing.trial.started.v1": _TrialStarted,
    "evt.billing.credits.purchased.v1": _CreditsPurchased,
    "evt.ai.match.completed.v1": _MatchCompleted,
}
