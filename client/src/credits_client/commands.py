"""The commands: what the ledger may be asked to do. To build one is to check it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from credits_client.errors import FieldRefused
from credits_client.fields import (
    MAX_ITEMS,
    Amount,
    Count,
    Description,
    MerchantId,
    Metadata,
    Moment,
    Platform,
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


class _Movement(Command):
    merchant_id: MerchantId
    amount: Amount
    reference_type: ReferenceType
    reference_id: Text
    description: Description = ""
    metadata: Metadata = Field(default_factory=dict)


class Grant(_Movement):
    """Grant credits for any other reason: goodwill, a promotion."""

    task: ClassVar[str] = "credits.grant"


class Consume(_Movement):
    """Consume credits for any other reason."""

    task: ClassVar[str] = "credits.consume"


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
    command.task: command for command in (OpenAccount, StartTrial, Purchase, Grant, ConsumeMatch, Consume, ConsumeMany)
}


def command(task: str, fields: Mapping[str, Any]) -> Command:
    """The command of that name; raises FieldRefused where it is unknown or a field is refused."""
    if task not in COMMANDS:
        raise FieldRefused(task, (("task", "is no command of the credit service"),))
    return COMMANDS[task].of(fields)
