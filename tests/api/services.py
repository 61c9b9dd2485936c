"""The tokens that other services sign, and their way of asking."""

import json
import time
from typing import Any

import jwt
from django.http import HttpResponse
from django.test import Client

SECRET = "a-secret-that-other-services-sign-their-tokens-with-and-nobody-else"
SCOPE = "internal:credits:read"
LEFT_OUT = object()


def service_token(*, secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token that is good for a minute, but for what the claims say otherwise."""
    good = {"service": "checkout", "scope": SCOPE, "exp": int(time.time()) + 60}
    payload = {name: value for name, value in {**good, **claims}.items() if value is not LEFT_OUT}
    key = "" if algorithm == "none" else secret
    return jwt.PyJWS().encode(json.dumps(payload).encode(), key, algorithm=algorithm)


def ask_as_service(path: str, *, bearer: str | None = None, body: Any = None, **query: Any) -> HttpResponse:
    """GET the path, or POST the body to it; with a good token unless another is given."""
    headers = {"Authorization": f"Bearer {service_token() if bearer is None else bearer}"}
    if body is None:
        return Client().get(path, query, headers=headers)
    return Client().post(path, json.dumps(body), content_type="application/json", headers=headers)
