"""The client's token: whether its signature and times hold, and what it claims."""

import time
from typing import Annotated, Any

import jwt
from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger.events import SOURCE_SERVICE

Seconds = Annotated[int, Field()] | Annotated[float, Field(allow_inf_nan=False)]


class BadToken(Exception):
    """The token can't be trusted. Why is told to nobody: it would help only those who try."""


class Claims(BaseModel):
    """What a token says. Times are seconds since 1970; claims that are not listed are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    sub: Annotated[str, Field(min_length=1)]
    scope: Any
    exp: Seconds
    nbf: Seconds | None = None
    aud: Any = None
    platform: Any = None

    def hold_at(self, now: float) -> bool:
        """Whether the token is meant for that moment, and for this service if it names one (RFC 7519, 4.1.3)."""
        audiences = self.aud if isinstance(self.aud, list) else [self.aud]
        return (
            self.scope is not None
            and now < self.exp
            and (self.nbf is None or self.nbf <= now)
            and (self.aud is None or SOURCE_SERVICE in audiences)
        )


def read_token(token: str) -> Claims:
    """The claims of a token that is signed by HS256 with one of our secrets. Raises BadToken.

    iat is not looked at: a token from a client whose clock is a moment ahead of ours is a good one.
    """
    try:
        claims = Claims.model_validate_json(_signed_payload(token))
    except (jwt.PyJWTError, ValidationError):
        raise BadToken from None
    if not claims.hold_at(time.time()):
        raise BadToken
    return claims


def _signed_payload(token: str) -> bytes:
    for secret in settings.CLIENT_JWT_SECRETS:
        try:
            payload: bytes = _JWS.decode(token, secret, algorithms=["HS256"])
        except jwt.InvalidSignatureError:
            continue
        return payload
    raise jwt.InvalidSignatureError


_JWS = jwt.PyJWS()
