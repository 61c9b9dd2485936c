"""What other services may ask: a token of their own, which opens these reads and no shop's."""

from django.conf import settings
from django.http import HttpRequest
from ninja.security.base import AuthBase

from api.refusals import Code, Refusal
from api.tokens import BadToken, ServiceClaims, bearer_of, read_token

SCOPE = "internal:credits:read"


class ServiceToken(AuthBase):
    """A service's bearer token. A shop's is signed by another secret, has another scope and names no service."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"
    openapi_description = f"HS256; claims service, scope ({SCOPE}) and exp."

    def __call__(self, request: HttpRequest) -> str:
        """The name of the service that asks. Raises Refusal, in the contract's order; parameters come after."""
        try:
            claims = read_token(bearer_of(request), ServiceClaims, secrets=settings.INTERNAL_JWT_SECRETS)
        except BadToken:
            raise Refusal(Code.UNAUTHORIZED) from None
        if claims.scope != SCOPE:
            raise Refusal(Code.INVALID_SCOPE)
        return claims.service
