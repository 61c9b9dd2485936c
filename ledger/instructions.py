"""The instructions: what staff may tell the ledger to do. Each names who told it, and comes in by no queue."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import Field, field_validator

from ledger.commands import Command
from ledger.fields import MAX_AMOUNT, Amount, Category, Description, Moment, Platform, ShopDomain, Text


class Instruction(Command):
    """One imperative of a person; reason is in that person's words."""

    actor: Text
    reason: Annotated[Description, Field(min_length=1)]


class Adjust(Instruction):
    """Put a balance right by `change` credits, up or down. adjustment_id makes it happen once."""

    task: ClassVar[str] = "staff.adjust"

    adjustment_id: UUID
    change: Annotated[int, Field(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
    category: Category = Category.PROMOTIONAL
    expires_at: datetime | None = None
    approved_by: str = ""

    @field_validator("change")
    @classmethod
    def _not_nothing(cls, change: int) -> int:
        if change == 0:
            raise ValueError("must not be 0")
        return change


class Retry(Instruction):
    """Ask once more for what a declined transaction asked for; its fields are that row's."""

    task: ClassVar[str] = "staff.retry"

    transaction_id: UUID
    kind: str
    operation: str
    amount: Amount
    stated_amount: Amount | None
    description: Description
    metadata: dict[str, Any]
    terms: dict[str, Any]


class Freeze(Instruction):
    """Have consumptions and holds of the account declined until it is thawed."""

    task: ClassVar[str] = "staff.freeze"


class Thaw(Instruction):
    """End a freeze."""

    task: ClassVar[str] = "staff.thaw"


class SetThreshold(Instruction):
    """Give the account a low-balance threshold of its own, in credits; None takes it away again."""

    task: ClassVar[str] = "staff.set_threshold"

    threshold: Annotated[int, Field(ge=0, le=MAX_AMOUNT)] | None


class MoveShop(Instruction):
    """Give the account another shop, now; changed_at is the moment."""

    task: ClassVar[str] = "staff.move_shop"

    platform_name: Platform
    platform_shop_id: Text
    shop_domain: ShopDomain
    changed_at: Moment
