"""The commands: what the ledger may be asked to do. To build one is to check it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from credits_client.errors import FieldRefused
from credits_client.fields import (
    DEFAULT_PRIORITY,
    MAX_ITEMS,
    Amount,
    AnyReferenceType,
    Category,
    Count,
    Description,
    HoldSeconds,
    MerchantId,
    Metadata,
    Moment,
    OnShortfall,
    Platform,
    Priority,
    ReferenceType,
    ShopDomain,
    Text,
)


class Checked(BaseModel):
    """Fields that are checked as it is built; raises FieldRefused. Unknown and missing fields are refused too."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise FieldRefused.from_validation(self.label(), error) from None

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """The same from a mapping, whatever its keys are."""
        if not isinstance(fields, Mapping) or not all(isinstance(name, str) for name in fields):
            raise FieldRefused(cls.label(), (("fields", "must be an object with text for every key"),))
        return cls(**fields)

    @classmethod
    def label(cls) -> str:
        """What the message is called on the wire."""
        return cls.__name__


class Command(Checked):
    """One imperative. correlation_id, where given, is on every log line, transaction and event that follows."""

    task: ClassVar[str]

    correlation_id: Text | None = None

    @classmethod
    def label(cls) -> str:
        return cls.task


class OpenAccount(Command):
    """Open the merchant's account at 0."""

    task: ClassVar[str] = "credits.open_account"

    merchant_id: MerchantId
    platform_name: Platform
    platform_shop_id: Text
    shop_domain: ShopDomain


class ChangeShop(Command):
    """Move the account to another shop, as of changed_at; an older change than the newest is no change."""

    task: ClassVar[str] = "credits.change_shop"

    merchant_id: MerchantId
    platform_name: Platform
    platform_shop_id: Text
    shop_domain: ShopDomain
    changed_at: Moment


class StartTrial(Command):
    """Grant the trial's credits, once per merchant for ever."""

    task: ClassVar[str] = "credits.start_trial"

    merchant_id: MerchantId
    ends_at: Moment


class Purchase(Command):
    """Grant credits that were bought."""

    task: ClassVar[str] = "credits.purchase"

    merchant_id: MerchantId
    credits: Amount
    purchase_id: Text


class ConsumeMatch(Command):
    """Consume one credit for an AI match that was delivered, also where it matched no items."""

    task: ClassVar[str] = "credits.consume_match"

    merchant_id: MerchantId
    match_id: Text
    shopper_id: Text
    matched_items_count: Count


class _Claim(Command):
    merchant_id: MerchantId
    reference_type: ReferenceType
    reference_id: Text
    description: Description = ""
    metadata: Metadata = Field(default_factory=dict)


class Grant(_Claim):
    """Grant credits for any other reason: goodwill, a promotion. They may become effective later, and expire."""

    task: ClassVar[str] = "credits.grant"

    amount: Amount
    category: Category = "promotional"
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
    """Set credits aside for expires_in_s seconds, until they are captured or released."""

    task: ClassVar[str] = "credits.hold"

    amount: Amount
    expires_in_s: HoldSeconds


class _Resolution(_Claim):
    hold_reference_type: AnyReferenceType
    hold_reference_id: Text


class Capture(_Resolution):
    """Consume what a hold has set aside, all or part; the rest is released."""

    task: ClassVar[str] = "credits.capture"

    amount: Amount | None = None


class Release(_Resolution):
    """Give up a hold."""

    task: ClassVar[str] = "credits.release"


class Reverse(_Claim):
    """Undo a posted transaction, all or part of it."""

    task: ClassVar[str] = "credits.reverse"

    original_reference_type: AnyReferenceType
    original_reference_id: Text
    amount: Amount | None = None
    on_shortfall: OnShortfall = "decline"


class ConsumeMany(Command):
    """1 to 500 consumptions in one message; each item stands on its own.

    Items are Consume objects or mappings of their fields; a refused one is named as items.3.amount.
    """

    task: ClassVar[str] = "credits.consume_many"

    items: Annotated[list[Any], Field(min_length=1, max_length=MAX_ITEMS)]

    @field_validator("items")
    @classmethod
    def _check_items(cls, items: list[Any]) -> list[Consume]:
        return [cls._checked(position, item) for position, item in enumerate(items)]

    @classmethod
    def _checked(cls, position: int, item: Any) -> Consume:
        try:
            return item if isinstance(item, Consume) else Consume.of(item)
        except FieldRefused as refused:
            problems = tuple((f"items.{position}.{field}", reason) for field, reason in refused.problems)
            raise FieldRefused(cls.task, problems) from None


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
        ConsumeMany,
        Hold,
        Capture,
        Release,
    )
}


def command(task: str, fields: Mapping[str, Any]) -> Command:
    """The command of that name; raises FieldRefused where it is unknown or a field is refused."""
    if task not in COMMANDS:
        raise FieldRefused(task, (("task", "is no command of the credit service"),))
    return COMMANDS[task].of(fields)
