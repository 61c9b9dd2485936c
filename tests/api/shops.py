"""The tokens that a shop's BFF signs, and its way of asking."""

import base64
import hmac
import json
import time
from functools import cache
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from ledger.models import Account

CREDITS = "/api/credits"
TRANSACTIONS = "/api/credits/transactions"
LEFT_OUT = object()


def token(sub: object, *, secret: str | None = None, algorithm: str = "HS256", **claims: object) -> str:
    """A token that is good for a minute, but for what the claims say otherwise."""
    good = {"sub": sub, "scope": "bff:call", "exp": int(time.time()) + 60}
    payload = {name: value for name, value in {**good, **claims}.items() if value is not LEFT_OUT}
    return signed(json.dumps(payload).encode(), secret=secret, algorithm=algorithm)


def signed(payload: bytes, *, secret: str | None = None, algorithm: str = "HS256", **header: Any) -> str:
    """Any payload as a token; algorithm "none" leaves it without a signature."""
    key = "" if algorithm == "none" else secret or settings.CLIENT_JWT_SECRETS[0]
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers=header or None)


def ask(
    path: str = CREDITS,
    *,
    bearer: str | None = None,
    platform: str | None = None,
    domain: str | None = None,
    **headers: str,
) -> HttpResponse:
    """GET the path as the BFF does; what is None is not sent."""
    sent = {
        "Authorization": None if bearer is None else f"Bearer {bearer}",
        "X-Shop-Platform": platform,
        "X-Shop-Domain": domain,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return _client().get(path, headers={name: value for name, value in sent.items() if value is not None})


@cache
def _client() -> Client:
    """One for all tests, which saves each of them the loading of the middleware. A read leaves nothing behind in it."""
    return Client()


def ask_for(account: Account, path: str = CREDITS, **headers: str) -> HttpResponse:
    """GET the path with a token and headers that are the account's own."""
    bearer = token(account.shop_domain)
    return ask(path, bearer=bearer, platform=account.platform_name, domain=account.shop_domain, **headers)


def refusal(response: HttpResponse) -> tuple[int, str]:
    """The status and the code of a refusal, which carries no data."""
    body = response.json()
    assert body["data"] is None
    return response.status_code, body["error"]["code"]


def signed_with_header(payload: bytes, header: dict[str, Any]) -> str:
    """A payload under any header at all, signed by HS256 whatever the header says."""
    parts = [base64url(json.dumps(header).encode()), base64url(payload)]
    key = settings.CLIENT_JWT_SECRETS[0].encode()
    signature = hmac.digest(key, b".".join(parts), "sha256")
    return b".".join([*parts, base64url(signature)]).decode()


def base64url(data: bytes) -> bytes:
    """As the parts of a token are written."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")
