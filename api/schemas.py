"""The answers' shapes, for the OpenAPI document: the answers themselves are written from the rows, unvalidated."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.pages import MAX_LIMIT
from api.refusals import Code
from ledger.fields import MAX_AMOUNT, MAX_BALANCE, MAX_PRIORITY, PLATFORMS, Category

Balance = Annotated[int, Field(ge=0, le=MAX_BALANCE)]
Amount = Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
Total = Annotated[int, Field(ge=0)]
Kind = Literal[
    "trial", "purchase", "grant", "adjust", "consume", "hold", "capture", "release", "reverse", "expire", "import"
]

Data = TypeVar("Data")


class Shape(BaseModel):
    """Nothing but what is listed."""

    model_config = ConfigDict(extra="forbid")


class Meta(Shape):
    """Which request this answers, and when."""

    request_id: Annotated[str, Field(examples=["req_0f9e8d7c6b5a"])]
    correlation_id: Annotated[str, Field(min_length=1, max_length=255, examples=["corr_0a1b2c3d4e5f"])]
    timestamp: datetime


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


class Pagination(Shape):
    """Where the page stands: page counts from 1, pages and total are those of this moment, null where nobody counts."""

    page: Annotated[int, Field(ge=1)] | None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)]
    total: Annotated[int, Field(ge=0)] | None
    pages: Annotated[int, Field(ge=0)] | None
    has_next: bool
    has_previous: bool


class Links(Shape):
    """Addresses relative to this host. next and previous go on steadily while new rows arrive."""

    self: str
    next: str | None
    previous: str | None
    first: str
    last: str | None


class Answer(Shape, Generic[Data]):
    """The envelope round what was asked for."""

    data: Data
    error: None
    meta: Meta


class PageAnswer(Answer[list[Data]], Generic[Data]):
    """The envelope round a page of a list."""

    pagination: Pagination
    links: Links


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


class ValidationProblem(Shape):
    """What is wrong with one parameter."""

    field: str
    message: str
    type: str


class ErrorDetails(BaseModel):
    """What the code alone does not say; validation_errors with VALIDATION_ERROR."""

    validation_errors: list[ValidationProblem] = []


def refusal_shape(status: int) -> type[BaseModel]:
    """The envelope round a refusal with that status: which codes an operation may give with it."""
    codes = tuple(code.name for code in Code if code.status == status and code is not Code.NOT_FOUND)
    error = create_model(
        f"Error{status}",
        __base__=Shape,
        code=(cast(Any, Literal[codes]), ...),
        message=(str, ...),
        details=(ErrorDetails, ...),
    )
    return create_model(f"Refusal{status}", __base__=Shape, data=(None, ...), error=(error, ...), meta=(Meta, ...))
