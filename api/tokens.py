"""Tokens: whether a signature and its times hold, and what a shop's or a service's token claims."""

import time
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast

import jwt
from django.http import HttpRequest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.events import SOURCE_SERVICE

REMEMBERED = 2048  # tokens a process: a shop's BFF asks with one for as long as it is good

Seconds = Annotated[int, Field()] | Annotated[float, Field(allow_inf_nan=False)]


class BadToken(Exception):
    """The token can't be trusted. Why is told to nobody: it would help only those who try."""


class Token(BaseModel):
    """What every token says. Times are seconds since 1970; claims that are not listed are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    scope: Any
    exp: Seconds
    nbf: Seconds | None = None
    aud: Any = None

    def hold_at(self, now: float) -> bool:
        """Whether the token is meant for that moment, and for this service if it names one (RFC 7519, 4.1.3)."""
        audiences = self.aud if isinstance(self.aud, list) else [self.aud]
        return (
            self.scope is not None
            and now < self.exp
            and (self.nbf is None or self.nbf <= now)
            and (self.aud is None or SOURCE_SERVICE in audiences)
        )


class Claims(Token):
    """What a shop's token says."""

    sub: Annotated[str, Field(min_length=1)]
    platform: Any = None


class ServiceClaims(Token):
    """What another service's token says."""

    service: Annotated[str, Field(min_length=1, max_length=255)]


Said = TypeVar("Said", bound=Token)


def bearer_of(request: HttpRequest) -> str:
    """The bearer token that a request brought. Raises BadToken where it brought none."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        raise BadToken
    return str(token)


def read_token(token: str, said: type[Said], *, secrets: tuple[str, ...]) -> Said:
    """The claims of a token that is signed by HS256 with one of these secrets. Raises BadToken.

    iat is not looked at: a token from a client whose clock is a moment ahead of ours is a good one.
    """
    try:
        claims = cast(Said, _signed_claims(token, said, secrets))
    except (jwt.PyJWTError, ValidationError):
        raise BadToken from None
    if not claims.hold_at(time.time()):
        raise BadToken
    return claims


@lru_cache(maxsize=REMEMBERED)
def _signed_claims(token: str, said: type[Token], secrets: tuple[str, ...]) -> Token:
    """What a token claims, whenever that may be true. Raises what is wrong with it.

    Remembered: a signature that was right stays so for these secrets. Whether its times hold is asked anew each time.
    What was refused is not remembered, so nobody fills the memory who can't sign.
    """
    return said.model_validate_json(_signed_payload(token, secrets))


def _signed_payload(token: str, secrets: tuple[str, ...]) -> bytes:
    for secret in secrets:
        try:
            payload: bytes = _JWS.decode(token, secret, algorithms=["HS256"])
        except jwt.InvalidSignatureError:
            continue
        return payload
    raise jwt.InvalidSignatureError


_JWS = jwt.PyJWS()
