"""The commands: what other services may ask of the ledger."""

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from ledger.fields import (
    DEFAULT_PRIORITY,
    MAX_ITEMS,
    Amount,
    AnyReferenceType,
    Category,
    Count,
    Description,
    GrantCategory,
    HoldSeconds,
    MerchantId,
    Metadata,
    Moment,
    OnShortfall,
    Platform,
    Priority,
    ReferenceType,
    ShopDomain,
    ShortfallRule,
    Text,
)


class Command(BaseModel):
    """One imperative: which merchant, and what is to be done. Unknown, missing and ill-typed fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    task: ClassVar[str]

    merchant_id: MerchantId
    correlation_id: Text | None = None


class OpenAccount(Command):
    """Open the merchant's account at 0."""

    task: ClassVar[str] = "credits.open_account"

    platform_name: Platform
    platform_shop_id: Text
    shop_domain: ShopDomain


class StartTrial(Command):
    """Grant the trial's credits, once per merchant for ever."""

    task: ClassVar[str] = "credits.start_trial"

    ends_at: Moment


class Purchase(Command):
    """Grant credits that were bought."""

    task: ClassVar[str] = "credits.purchase"

    credits: Amount
    purchase_id: Text


class ConsumeMatch(Command):
    """Consume one credit for an AI match that was delivered, also where it matched no items."""

    task: ClassVar[str] = "credits.consume_match"

    match_id: Text
    shopper_id: Text
    matched_items_count: Count


class _Claim(Command):
    """Claims a reference that its caller chose."""

    reference_type: ReferenceType
    reference_id: Text
    description: Description = ""
    metadata: Metadata = Field(default_factory=dict)


class Grant(_Claim):
    """Grant credits for any other reason: goodwill, a promotion. They open a lot of their own."""

    task: ClassVar[str] = "credits.grant"

    amount: Amount
    category: GrantCategory = Category.PROMOTIONAL
    priority: Priority = DEFAULT_PRIORITY
    effective_at: Moment | None = None
    expires_at: Moment | None = None

    @field_validator("expires_at")
    @classmethod
    def _after_it_is_effective(cls, expires_at: datetime | None, fields: ValidationInfo) -> datetime | None:
        effective_at = fields.data.get("effective_at")
        if expires_at is not None and effective_at is not None and expires_at <= effective_at:
            raise ValueError("must be later than effective_at")
        return expires_at


class Consume(_Claim):
    """Consume credits for any other reason."""

    task: ClassVar[str] = "credits.consume"

    amount: Amount


class Hold(_Claim):
    """Set credits aside for expires_in_s seconds, for a caller who must know before it delivers."""

    task: ClassVar[str] = "credits.hold"

    amount: Amount
    expires_in_s: HoldSeconds


class Capture(_Claim):
    """Consume what a hold has set aside, all or part; the rest is released."""

    task: ClassVar[str] = "credits.capture"

    hold_reference_type: AnyReferenceType
    hold_reference_id: Text
    amount: Amount | None = None


class Release(_Claim):
    """Give up a hold."""

    task: ClassVar[str] = "credits.release"

    hold_reference_type: AnyReferenceType
    hold_reference_id: Text


class Reverse(_Claim):
    """Undo a posted transaction, all or part of it."""

    task: ClassVar[str] = "credits.reverse"

    original_reference_type: AnyReferenceType
    original_reference_id: Text
    amount: Amount | None = None
    on_shortfall: ShortfallRule = OnShortfall.DECLINE


class ChangeShop(Command):
    """Move the account to another shop, as of changed_at; an older change than the newest is no change."""

    task: ClassVar[str] = "credits.change_shop"

    platform_name: Platform
    platform_shop_id: Text
    shop_domain: ShopDomain
    changed_at: Moment


class ConsumeMany(BaseModel):
    """The envelope of 1 to 500 consumptions; each item is a Consume that stands on its own."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    task: ClassVar[str] = "credits.consume_many"

    items: Annotated[list[Any], Field(min_length=1, max_length=MAX_ITEMS)]
    correlation_id: Text | None = None


COMMANDS: dict[str, type[Command]] = {
    command.task: command
    for command in (
        OpenAccount,
        ChangeShop,
        StartTrial,
        Purchase,
        Grant,
        Reverse,
        ConsumeMatch,
        Consume,
        Hold,
        Capture,
        Release,
    )
}
