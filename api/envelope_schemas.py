"""The envelope's shapes, for the OpenAPI document: what stands round every answer, and every refusal."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, create_model

from api.pages import MAX_LIMIT
from api.refusals import Code

Data = TypeVar("Data")


class Shape(BaseModel):
    """Nothing but what is listed."""

    model_config = ConfigDict(extra="forbid")


class Meta(Shape):
    """Which request this answers, and when."""

    request_id: Annotated[str, Field(examples=["req_0f9e8d7c6b5a"])]
    correlation_id: Annotated[str, Field(min_length=1, max_length=255, examples=["corr_0a1b2c3d4e5f"])]
    timestamp: datetime


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
