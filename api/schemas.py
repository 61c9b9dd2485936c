"""The answers' shapes, for the OpenAPI document: the answers themselves are written from the rows, unvalidated."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.pages import MAX_LIMIT
from api.refusals import Code
from ledger.fields import MAX_AMOUNT, MAX_BALANCE, PLATFORMS

Balance = Annotated[int, Field(ge=0, le=MAX_BALANCE)]


class Shape(BaseModel):
    """Nothing but what is listed."""

    model_config = ConfigDict(extra="forbid")


class Meta(Shape):
    """Which request this answers, and when."""

    request_id: Annotated[str, Field(examples=["req_0f9e8d7c6b5a"])]
    correlation_id: Annotated[str, Field(min_length=1, max_length=255, examples=["corr_0a1b2c3d4e5f"])]
    timestamp: datetime


class Credits(Shape):
    """The shop's credit account, in whole credits."""

    balance: Balance
    available: Annotated[int, Field(ge=0, le=MAX_BALANCE, description="What can be consumed or held.")]
    held: Annotated[int, Field(ge=0, le=MAX_BALANCE, description="What open holds have set aside of the balance.")]
    total_granted: Annotated[int, Field(ge=0)]
    total_consumed: Annotated[int, Field(ge=0)]
    total_expired: Annotated[int, Field(ge=0)]
    platform_name: Annotated[str, Field(examples=list(PLATFORMS[:1]))]
    shop_domain: Annotated[str, Field(examples=["shop.example.com"])]


class PostedTransaction(Shape):
    """One posted transaction of the account."""

    id: UUID
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT)]
    operation: Literal["credit", "debit"]
    balance_before: Balance
    balance_after: Balance
    reference_type: str
    reference_id: str
    description: str
    metadata: dict[str, Any]
    created_at: datetime


class Pagination(Shape):
    """Where the page stands: page counts from 1, pages and total are those of this moment."""

    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)]
    total: Annotated[int, Field(ge=0)]
    pages: Annotated[int, Field(ge=0)]
    has_next: bool
    has_previous: bool


class Links(Shape):
    """Addresses relative to this host. next and previous go on steadily while new rows arrive."""

    self: str
    next: str | None
    previous: str | None
    first: str
    last: str


class CreditsAnswer(Shape):
    """The envelope round the account."""

    data: Credits
    error: None
    meta: Meta


class TransactionsAnswer(Shape):
    """The envelope round a page of transactions."""

    data: list[PostedTransaction]
    error: None
    meta: Meta
    pagination: Pagination
    links: Links


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
