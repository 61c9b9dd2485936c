"""The envelope: the one shape of every answer under /api."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from pydantic_core import to_json

from api.correlation import IdentifiedRequest
from api.refusals import Code, Refusal
from ledger.events import rfc3339

JSON = "application/json"
_ANSWERED_BY_DJANGO = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 500: Code.INTERNAL_ERROR}


def answer(request: HttpRequest, data: Any, **beside: Any) -> HttpResponse:
    """200 with the data; beside are the envelope's optional parts, pagination and links."""
    return _enveloped(request, status=200, data=data, error=None, **beside)


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The refusal's status with its code, message and details."""
    error = {"code": refusal.code.name, "message": refusal.code.message, "details": refusal.details}
    response = _enveloped(request, status=refusal.code.status, data=None, error=error)
    if refusal.code.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _enveloped(request: HttpRequest, *, status: int, **parts: Any) -> HttpResponse:
    identified = cast(IdentifiedRequest, request)
    meta = {
        "request_id": identified.request_id,
        "correlation_id": identified.correlation_id,
        "timestamp": rfc3339(datetime.now(UTC)),
    }
    body = to_json({**parts, "meta": meta}, inf_nan_mode="null")
    return HttpResponse(body, status=status, content_type=JSON, headers={"Cache-Control": "no-store"})


class EnvelopeMiddleware:
    """Answers what is asked under /api, at once: the middleware below it is for pages, and no read needs any of it.

    What Django answers by itself, an unknown path or a method that is not there, it puts into the envelope.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.read = convert_exception_to_response(_read)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not f"{request.path_info}/".startswith("/api/"):
            return self.get_response(request)
        response = cast(HttpResponse, self.read(request))
        code = _ANSWERED_BY_DJANGO.get(response.status_code)
        if code is None or response["Content-Type"] == JSON:
            return response
        refused = refuse(request, Refusal(code))
        if response.has_header("Allow"):
            refused["Allow"] = response["Allow"]
        return refused


def _read(request: HttpRequest) -> HttpResponse:
    """What the view at the request's path answers, as Django's own handler finds it. Raises Http404."""
    view, arguments, named = request.resolver_match = resolve(request.path_info, urlconf="api.urls")
    return cast(HttpResponse, view(request, *arguments, **named))
