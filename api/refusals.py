"""Every code with which the API refuses, its status, and what it tells the caller: a closed list."""

from enum import Enum
from typing import Any


class Code(Enum):
    """The contract's codes. A member's value is its HTTP status and its message, which never tells of keys."""

    status: int
    message: str

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message

    UNAUTHORIZED = 401, "A valid bearer token is required."
    INVALID_SCOPE = 403, "The token's scope does not allow this."
    MISSING_PLATFORM_HEADER = 400, "The header X-Shop-Platform is missing."
    MISSING_DOMAIN_HEADER = 400, "The header X-Shop-Domain is missing."
    UNSUPPORTED_PLATFORM = 400, "The header X-Shop-Platform names no platform that is known here."
    INVALID_DOMAIN_FORMAT = 400, "The header X-Shop-Domain must be a domain such as shop.example.com."
    SHOP_DOMAIN_MISMATCH = 401, "The token does not belong to the shop that the headers name."
    CREDIT_ACCOUNT_NOT_FOUND = 404, "This shop has no credit account."
    TRANSACTION_NOT_FOUND = 404, "This account has no transaction with that id."
    VALIDATION_ERROR = 422, "A parameter is not valid."
    NOT_FOUND = 404, "There is nothing at this path."
    METHOD_NOT_ALLOWED = 405, "This path can't be asked in this way."
    SERVICE_UNAVAILABLE = 503, "The service can't answer at the moment; try again later."
    INTERNAL_ERROR = 500, "The service failed to answer."


class Refusal(Exception):
    """A request is refused with a code; details are shown to the caller as they are."""

    def __init__(self, code: Code, details: dict[str, Any] | None = None) -> None:
        super().__init__(code.name)
        self.code = code
        self.details = details or {}


def invalid(field: str, message: str, kind: str) -> Refusal:
    """The refusal of one parameter; kind is a word for programs."""
    return Refusal(Code.VALIDATION_ERROR, {"validation_errors": [{"field": field, "message": message, "type": kind}]})
