"""The answers' shapes, for the OpenAPI document: the answers themselves are written from the rows, unvalidated."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.envelope_schemas import Answer, PageAnswer, Shape
from ledger.fields import MAX_AMOUNT, MAX_BALANCE, MAX_PRIORITY, PLATFORMS, Category

Balance = Annotated[int, Field(ge=0, le=MAX_BALANCE)]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Total = Annotated[int, Field(ge=0)]
Kind = Literal[
    "trial", "purchase", "grant", "adjust", "consume", "hold", "capture", "release", "reverse", "expire", "import"
]


class ExpiringNext(Shape):
    """So many credits expire at that moment, if nobody spends them before."""

    credits: Annotated[int, Field(ge=1, le=MAX_BALANCE)]
    expires_at: datetime


class Credits(Shape):
    """The shop's credit account, in whole credits."""

    balance: Balance
    available: Annotated[int, Field(ge=0, le=MAX_BALANCE, description="What can be consumed or held.")]
    held: Annotated[int, Field(ge=0, le=MAX_BALANCE, description="What open holds have set aside of the balance.")]
    expiring_next: ExpiringNext | None
    total_granted: Total
    total_consumed: Total
    total_expired: Total
    platform_name: Annotated[str, Field(examples=list(PLATFORMS[:1]))]
    shop_domain: Annotated[str, Field(examples=["shop.example.com"])]


class BalanceAt(Shape):
    """How the account stood at an instant; transactions counts those that were posted by then."""

    at: datetime
    balance: Balance
    total_granted: Total
    total_consumed: Total
    total_expired: Total
    transactions: Total


class PostedTransaction(Shape):
    """One posted transaction of the account."""

    id: UUID
    amount: Amount
    operation: Literal["credit", "debit"]
    kind: Kind
    balance_before: Balance
    balance_after: Balance
    reference_type: str
    reference_id: str
    description: str
    metadata: dict[str, Any]
    created_at: datetime


class OfLot(Shape):
    """So many credits of one lot."""

    id: UUID
    amount: Amount


class Reference(Shape):
    """The name under which a transaction happened once."""

    reference_type: str
    reference_id: str


class Transaction(PostedTransaction):
    """One transaction of the account, whatever became of it."""

    status: Literal["posted", "recorded", "declined"]
    reason: Annotated[str | None, Field(description="Why it was declined.")]
    total_granted: Total
    total_consumed: Total
    total_expired: Total
    lots: Annotated[list[OfLot], Field(description="Which lots it took from, or gave back to, in that order.")]
    target: Annotated[Reference | None, Field(description="What it captures, releases, reverses or ends.")]
    reversed: Annotated[int, Field(ge=0, description="How many of its credits were reversed since.")]
    retried_by: Annotated[UUID | None, Field(description="The transaction by which staff tried it again.")]
    correlation_id: str


class Lot(Shape):
    """The credits of one purchase, trial or grant, and what is left of them."""

    id: UUID
    status: Literal["open", "pending", "closed", "void"]
    category: Category
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)]
    amount: Amount
    remaining: Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
    held: Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="What holds have set aside of what remains.")]
    effective_at: datetime
    expires_at: datetime | None
    reference_type: str
    reference_id: str
    description: str
    created_at: datetime


class Hold(Shape):
    """Credits set aside, and how that ended."""

    id: UUID
    status: Literal["open", "captured", "released", "expired"]
    amount: Amount
    captured: Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
    expires_at: datetime
    resolved_at: datetime | None
    lots: list[OfLot]
    reference_type: str
    reference_id: str
    description: str
    created_at: datetime


class Bucket(Shape):
    """What moved from an instant on until another; reversals are taken off."""

    begin: Annotated[datetime, Field(alias="from")]
    to: datetime
    granted: int
    consumed: int
    expired: Annotated[int, Field(ge=0)]


class Usage(Shape):
    """A period cut into buckets."""

    bucket: Literal["hour", "day", "month"]
    tz: str
    buckets: list[Bucket]


class CreditsAnswer(Answer[Credits]):
    """The envelope round the account."""


class BalanceAnswer(Answer[BalanceAt]):
    """The envelope round the account as it was."""


class TransactionsAnswer(PageAnswer[PostedTransaction]):
    """The envelope round a page of transactions."""


class TransactionAnswer(Answer[Transaction]):
    """The envelope round one transaction."""


class LotsAnswer(PageAnswer[Lot]):
    """The envelope round a page of lots."""


class HoldsAnswer(PageAnswer[Hold]):
    """The envelope round a page of holds."""


class UsageAnswer(Answer[Usage]):
    """The envelope round a period's usage."""
