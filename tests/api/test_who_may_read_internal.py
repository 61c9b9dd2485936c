"""Which token opens what: shops' and services' tokens, by every secret and scope, on every path."""

import time
from itertools import product
from uuid import UUID

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from tests.api.services import LEFT_OUT, SCOPE, SECRET, ask_as_service, service_token
from tests.api.shops import ask, refusal, token
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.django_db

DOMAIN = "shop.example.com"
CLIENT_SECRET = "a-secret-that-the-bff-signs-its-tokens-with-alone"
SHOP_PATHS = [
    "/api/credits", "/api/credits/balance?at=2026-01-01T00:00:00Z", "/api/credits/transactions",
    "/api/credits/transactions/00000000-0000-4000-8000-000000000000", "/api/credits/lots", "/api/credits/holds",
    "/api/credits/usage?from=2026-01-01&to=2026-01-02", "/api/credits/statement.csv", "/api/credits/statement.jsonl",
]  # fmt: skip
MERCHANT = UUID("0190f5fe-7c00-7a00-8000-00000000abcd")
INTERNAL_PATHS = [
    f"/api/internal/credits/{MERCHANT}", "/api/internal/credits",
    "/api/internal/references?reference_type=x&reference_id=y",
]  # fmt: skip
SUBJECTS = {"shop's": {"sub": DOMAIN}, "service's": {"service": "checkout"}, "both's": {"sub": DOMAIN, "service": "x"}}
SCOPES = ["bff:call", SCOPE, "", "bff:call internal:credits:read", LEFT_OUT]


@pytest.fixture(autouse=True)
def _secrets(settings: Settings) -> None:
    settings.CLIENT_JWT_SECRETS = (CLIENT_SECRET,)
    settings.INTERNAL_JWT_SECRETS = (SECRET,)


def bearer_with(subject: str, scope: object, secret: str) -> str:
    named = {"sub": LEFT_OUT, "service": LEFT_OUT, **SUBJECTS[subject]}
    return service_token(secret=secret, scope=scope, **named)


def read_shop(path: str, bearer: str) -> HttpResponse:
    return ask(path, bearer=bearer, platform="shopify", domain=DOMAIN)


def read_internal(path: str, bearer: str) -> HttpResponse:
    body = {"merchant_ids": [str(MERCHANT)]} if path == "/api/internal/credits" else None
    return ask_as_service(path, bearer=bearer, body=body)


@pytest.mark.parametrize(("subject", "scope", "secret"), list(product(SUBJECTS, SCOPES, (CLIENT_SECRET, SECRET))))
def test_only_a_shops_token_of_the_shops_secret_and_scope_opens_a_shops_reads(
    subject: str, scope: object, secret: str
) -> None:
    opened_account(shop_domain=DOMAIN)
    bearer = bearer_with(subject, scope, secret)

    statuses = {read_shop(path, bearer).status_code for path in SHOP_PATHS}

    if secret == SECRET or subject == "service's" or scope is LEFT_OUT:
        assert statuses == {401}
    elif scope != "bff:call":
        assert statuses == {403}
    else:
        assert statuses == {200, 404}


@pytest.mark.parametrize(("subject", "scope", "secret"), list(product(SUBJECTS, SCOPES, (CLIENT_SECRET, SECRET))))
def test_only_a_services_token_of_its_secret_and_scope_opens_the_internal_reads(
    subject: str, scope: object, secret: str
) -> None:
    opened_account(merchant_id=MERCHANT)
    bearer = bearer_with(subject, scope, secret)

    statuses = {read_internal(path, bearer).status_code for path in INTERNAL_PATHS}

    if secret == CLIENT_SECRET or subject == "shop's" or scope is LEFT_OUT:
        assert statuses == {401}
    elif scope != SCOPE:
        assert statuses == {403}
    else:
        assert statuses == {200}


def test_one_secret_for_both_would_still_not_let_either_token_open_the_others_reads(settings: Settings) -> None:
    settings.CLIENT_JWT_SECRETS = settings.INTERNAL_JWT_SECRETS = (SECRET,)
    opened_account(shop_domain=DOMAIN, merchant_id=MERCHANT)
    shops, services = token(DOMAIN, secret=SECRET), service_token()

    assert {read_internal(path, shops).status_code for path in INTERNAL_PATHS} == {401}
    assert {read_shop(path, services).status_code for path in SHOP_PATHS} == {401}


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"exp": LEFT_OUT}, {"exp": "soon"}, {"service": ""}, {"service": 5}, {"service": "x" * 256},
     {"nbf": int(time.time()) + 3600}, {"aud": "another-service"}],
)  # fmt: skip
@pytest.mark.parametrize("path", INTERNAL_PATHS)
def test_a_services_token_that_is_no_good_opens_nothing(path: str, claims: dict[str, object]) -> None:
    response = read_internal(path, service_token(**claims))

    assert refusal(response) == (401, "UNAUTHORIZED")
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_no_other_algorithm_is_taken(algorithm: str) -> None:
    assert read_internal(INTERNAL_PATHS[0], service_token(algorithm=algorithm)).status_code == 401


def test_any_of_several_secrets_is_good_while_keys_rotate(settings: Settings) -> None:
    settings.INTERNAL_JWT_SECRETS = ("a-new-secret-that-every-service-will-use-soon", SECRET)
    opened_account(merchant_id=MERCHANT)

    assert read_internal(INTERNAL_PATHS[0], service_token()).status_code == 200


def test_where_no_secret_is_set_nothing_is_opened(settings: Settings) -> None:
    settings.INTERNAL_JWT_SECRETS = ()

    assert {read_internal(path, service_token()).status_code for path in INTERNAL_PATHS} == {401}


def test_the_token_is_looked_at_before_the_parameters() -> None:
    bad = "/api/internal/references?reference_type=A%20B"

    assert read_internal(bad, service_token(exp=1)).status_code == 401
    assert read_internal(bad, service_token(scope="x")).status_code == 403
    assert read_internal(bad, service_token()).status_code == 422
