"""The ids of every HTTP request, the headers that carry them back, and the one line that tells of it in the log."""

import logging
import os
import re
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bound_contextvars

from ledger.events import SOURCE_SERVICE

# A header's characters beyond ASCII have no agreed encoding, so an id that holds one can't be passed on unchanged.
_VALID = re.compile(r"[\x20-\x7e]{1,255}")
# Asked every few seconds by machines that look at nothing but the answer.
_ROUTINE_PATHS = frozenset({"/health", "/ready", "/metrics"})

logger = structlog.get_logger(__name__)
lines = logging.getLogger(__name__)  # the library's: a list of lines is written as it is (creditsvc/logging.py)


class IdentifiedRequest(HttpRequest):
    """A request as CorrelationMiddleware passes it on: with its two ids."""

    correlation_id: str
    request_id: str


class CorrelationMiddleware:
    """Gives a request its ids, every answer their headers, and writes one line when it is done.

    The path is logged without its query, and no header is: a token never reaches the log.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        identified = cast(IdentifiedRequest, request)
        identified.correlation_id = correlation_id_of(request)
        identified.request_id = f"req_{os.urandom(6).hex()}"
        with bound_contextvars(correlation_id=identified.correlation_id, request_id=identified.request_id):
            response = self.get_response(request)
        _tell(identified, response, seconds=time.perf_counter() - started)
        response["X-Correlation-ID"] = identified.correlation_id
        response["X-Request-ID"] = identified.request_id
        response["X-Service-Name"] = SOURCE_SERVICE
        _measure(request, response)
        return response


def correlation_id_of(request: HttpRequest) -> str:
    """The caller's X-Correlation-ID where it is 1 to 255 printable ASCII characters, else a new one."""
    given: str = request.META.get("HTTP_X_CORRELATION_ID", "")
    return given if _VALID.fullmatch(given) else f"corr_{os.urandom(6).hex()}"


def _measure(request: HttpRequest, response: HttpResponse) -> None:
    """Say how long the body is, so that the connection can be kept; HEAD gets the length and no body."""
    if response.streaming or response.has_header("Content-Length"):
        return
    response["Content-Length"] = str(len(response.content))
    if request.method == "HEAD":
        response.content = b""


def _tell(request: IdentifiedRequest, response: HttpResponse, *, seconds: float) -> None:
    level = logging.DEBUG if request.path_info in _ROUTINE_PATHS else logging.INFO
    line = {
        "event": "request_answered",
        "method": request.method,
        "path": request.path_info,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 2),
        "correlation_id": request.correlation_id,
        "request_id": request.request_id,
    }
    lines.log(level, [line])


@receiver(got_request_exception)
def tell_of_a_failure(**_: Any) -> None:
    """Log an error that rose out of a view or a middleware, while it is being handled."""
    logger.exception("request_failed")
