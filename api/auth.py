"""Who may read what: the order of refusals, and the one account that a token opens."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from ninja.security.base import AuthBase
from pydantic import TypeAdapter, ValidationError

from api.refusals import Code, Refusal
from api.tokens import BadToken, Claims, bearer_of, read_token
from ledger.fields import PLATFORMS, MerchantId, is_shop_domain
from ledger.queries.balance import AccountBalance, account_of_merchant, accounts_of_domain

UUID_CHARACTERS = 36
_merchant_id: TypeAdapter[UUID] = TypeAdapter(MerchantId)


class ShopToken(AuthBase):
    """A shop's bearer token, which opens the account of that shop and no other, whatever the headers say."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"
    openapi_description = (
        "HS256; claims sub (the shop's domain, or the merchant's UUID), scope and exp, maybe platform."
    )

    def __call__(self, request: HttpRequest) -> AccountBalance:
        """The account that the request may read. Raises Refusal, in the contract's order; parameters come after."""
        claims = _token(request)  # 1
        if claims.scope != settings.REQUIRED_CLIENT_SCOPE:  # 2
            raise Refusal(Code.INVALID_SCOPE)
        platform, domain = _shop(request)  # 3
        merchant_id = _merchant_id_of(claims.sub)
        if merchant_id is None and _lowered(claims.sub) != domain:  # 4
            raise Refusal(Code.SHOP_DOMAIN_MISMATCH)
        if claims.platform is not None and _lowered(claims.platform) != platform:
            raise Refusal(Code.SHOP_DOMAIN_MISMATCH)
        if merchant_id is not None:  # 5
            return _merchants_account(merchant_id, platform=platform, domain=domain)
        if claims.platform is not None:
            return _shops_account(domain, platform=platform)
        return _account_of_unambiguous_shop(domain, platform=platform)


def _token(request: HttpRequest) -> Claims:
    try:
        return read_token(bearer_of(request), Claims, secrets=settings.CLIENT_JWT_SECRETS)
    except BadToken:
        raise Refusal(Code.UNAUTHORIZED) from None


def _shop(request: HttpRequest) -> tuple[str, str]:
    """The platform and the domain that the headers name, lower-cased."""
    given_platform = request.META.get("HTTP_X_SHOP_PLATFORM", "")
    given_domain = request.META.get("HTTP_X_SHOP_DOMAIN", "")
    if not given_platform:
        raise Refusal(Code.MISSING_PLATFORM_HEADER)
    if not given_domain:
        raise Refusal(Code.MISSING_DOMAIN_HEADER)
    platform = _lowered(given_platform)
    if platform not in PLATFORMS:
        raise Refusal(Code.UNSUPPORTED_PLATFORM)
    domain = _lowered(given_domain)
    if domain is None or not is_shop_domain(domain):
        raise Refusal(Code.INVALID_DOMAIN_FORMAT)
    return str(platform), domain


def _lowered(text: Any) -> str | None:
    """ASCII text in lower case; None for anything else: the lower case of the Kelvin sign is a plain k."""
    return text.lower() if isinstance(text, str) and text.isascii() else None


def _merchant_id_of(sub: str) -> UUID | None:
    """The merchant's id where the subject is one; no domain looks like one, for a domain has a dot."""
    if len(sub) != UUID_CHARACTERS:  # spares most tokens, whose subject is a domain, the cost of an error
        return None
    try:
        return _merchant_id.validate_python(sub)
    except ValidationError:
        return None


def _merchants_account(merchant_id: UUID, *, platform: str, domain: str) -> AccountBalance:
    account = account_of_merchant(merchant_id)
    if account is None:
        raise Refusal(Code.CREDIT_ACCOUNT_NOT_FOUND)
    if (account.platform_name, account.shop_domain) != (platform, domain):
        raise Refusal(Code.SHOP_DOMAIN_MISMATCH)
    return account


def _shops_account(domain: str, *, platform: str) -> AccountBalance:
    return _newest(accounts_of_domain(domain, platform_names=(platform,)), platform=platform)


def _account_of_unambiguous_shop(domain: str, *, platform: str) -> AccountBalance:
    """The shop's account where the token names no platform: refused where the domain could mean several shops."""
    accounts = accounts_of_domain(domain, platform_names=PLATFORMS)
    if len({account.platform_name for account in accounts}) > 1:
        raise Refusal(Code.SHOP_DOMAIN_MISMATCH)
    return _newest(accounts, platform=platform)


def _newest(accounts: list[AccountBalance], *, platform: str) -> AccountBalance:
    for account in accounts:
        if account.platform_name == platform:
            return account
    raise Refusal(Code.CREDIT_ACCOUNT_NOT_FOUND)
