"""Tokens: what a reader shows the service. Each lives for a minute and is signed anew for each request."""

import time
from collections.abc import Callable

import jwt

LIFETIME_S = 60
Token = Callable[[], str]


def service_token(service: str, *, secret: str) -> Token:
    """Tokens of a service, for ServiceReader; secret is the credit service's INTERNAL_JWT_SECRET."""
    return _signed({"service": service, "scope": "internal:credits:read"}, secret)


def shop_token(subject: str, *, secret: str) -> Token:
    """Tokens of a shop (its domain, or the merchant's UUID), for ShopReader; secret is CLIENT_JWT_SECRET."""
    return _signed({"sub": subject, "scope": "bff:call"}, secret)


def _signed(claims: dict[str, str], secret: str) -> Token:
    def token() -> str:
        return jwt.encode({**claims, "exp": int(time.time()) + LIFETIME_S}, secret, algorithm="HS256")

    return token
