"""The API: its operations, its documents, and how every error becomes a refusal."""

import structlog
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from api import credits, internal, lots, statement, transactions, usage
from api.envelope import refuse
from api.refusals import Code, Refusal, invalid

logger = structlog.get_logger(__name__)


class ReadAPI(NinjaAPI):
    """Spares every read the answer that ninja makes beforehand for an operation to write on: ours make their own."""

    _for_nobody = HttpResponse()

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        return self._for_nobody


api = ReadAPI(
    title="Credit service",
    version="1",
    description="Reads of a shop's credit account. Credits move by messages alone: nothing here changes anything.",
)
for part in (credits, transactions, lots, usage, statement):
    api.add_router("", part.router)
api.add_router("/internal", internal.router)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal of our own."""
    return refuse(request, refusal)


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Parameters that do not fit."""
    problems = [
        {"field": _field(problem["loc"]), "message": problem["msg"], "type": problem["type"]}
        for problem in error.errors
    ]
    return refuse(request, Refusal(Code.VALIDATION_ERROR, {"validation_errors": problems}))


def _field(location: tuple[str | int, ...]) -> str:
    """The field's name; of one of a list's items the list's and its place."""
    *_, last = location
    return f"{location[-2]}.{last}" if isinstance(last, int) and len(location) > 1 else str(last)


@api.exception_handler(TooManyFieldsSent)
def too_many_parameters(request: HttpRequest, error: TooManyFieldsSent) -> HttpResponse:
    """More parameters than Django reads of a query."""
    return refuse(request, invalid("query", "Too many parameters.", "too_long"))


@api.exception_handler(RequestDataTooBig)
def too_much(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    """A longer body than Django reads."""
    return refuse(request, invalid("body", "is too long", "too_long"))


@api.exception_handler(HttpError)
def not_json(request: HttpRequest, error: HttpError) -> HttpResponse:
    """The framework's own refusal: it has but one, of a body that it can't read."""
    return refuse(request, invalid("body", "must be JSON", "json_invalid"))


@api.exception_handler(InterfaceError)
@api.exception_handler(OperationalError)
def database_is_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """No connection, or one that was lost and could not be had again."""
    logger.warning("database_away", error=str(error).strip())
    return refuse(request, Refusal(Code.SERVICE_UNAVAILABLE))


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """A defect of ours: its text and traceback go to the log and nowhere else."""
    logger.error("request_failed", exc_info=error)
    return refuse(request, Refusal(Code.INTERNAL_ERROR))
