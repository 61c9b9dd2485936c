"""What the OpenAPI document says beside the shapes: the headers, and the refusals of an operation."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from api.envelope_schemas import refusal_shape
from ledger.events import SOURCE_SERVICE
from ledger.fields import PLATFORMS

_TEXT = {"type": "string"}
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ANSWER_HEADERS = {
    "X-Correlation-ID": {"description": "The caller's, else a new one.", "required": True, "schema": _TEXT},
    "X-Request-ID": {"description": "This request's own.", "required": True, "schema": _TEXT},
    "X-Service-Name": {"required": True, "schema": {"const": SOURCE_SERVICE}},
}
_CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"const": "Bearer"}}}
_CORRELATION_HEADER = {
    "in": "header",
    "name": "X-Correlation-ID",
    "required": False,
    "description": "1 to 255 printable ASCII characters, found again in the answer and in the logs; "
    "anything else is replaced.",
    "schema": _TEXT,
}
_SHOP_HEADERS = [
    {
        "in": "header",
        "name": "X-Shop-Platform",
        "required": True,
        "description": "Upper or lower case.",
        "schema": {"type": "string", "enum": list(PLATFORMS)},
    },
    {
        "in": "header",
        "name": "X-Shop-Domain",
        "required": True,
        "description": "The domain that the shop is known by on its platform. Upper or lower case.",
        "schema": {**_TEXT, "pattern": f"^({_LABEL}[.])+{_LABEL}$", "maxLength": 253, "examples": ["shop.example.com"]},
    },
    _CORRELATION_HEADER,
]


def refusals(*statuses: int) -> dict[int, type[BaseModel]]:
    """The shapes of the refusals that an operation gives with these statuses."""
    return {status: refusal_shape(status) for status in statuses}


def headers(*statuses: int, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A shop's operation's additions to the document: its headers, and those of its answers with these statuses.

    content describes an answer that is no JSON.
    """
    responses = _responses(statuses)
    if content is not None:
        responses[200] |= {"description": "OK", "content": content}
    return {"parameters": _SHOP_HEADERS, "responses": responses}


def service_headers(*statuses: int) -> dict[str, Any]:
    """The same for an operation that other services ask for."""
    return {"parameters": [_CORRELATION_HEADER], "responses": _responses(statuses)}


def _responses(statuses: Iterable[int]) -> dict[int, dict[str, Any]]:
    return {status: {"headers": {**_ANSWER_HEADERS, **(_CHALLENGE if status == 401 else {})}} for status in statuses}
