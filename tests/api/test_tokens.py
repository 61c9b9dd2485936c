"""Refusal 1: which tokens are no good. The headers are always those of the shop that the token names."""

import hmac
import json
import time

import jwt
import pytest
from django.http import HttpResponse
from pytest_django import Settings

from api.tokens import REMEMBERED, Claims, _signed_claims
from tests.api.shops import LEFT_OUT, ask, base64url, refusal, signed, signed_with_header, token
from tests.ledger.builders import opened_account

DOMAIN = "shop.example.com"
OLD_SECRET = "an-old-secret-that-is-still-good-for-a-while"
NEW_SECRET = "a-new-secret-that-every-client-will-use-soon"
NOW = int(time.time())

pytestmark = pytest.mark.django_db


def read(bearer: str | None) -> HttpResponse:
    return ask(bearer=bearer, platform="shopify", domain=DOMAIN)


def payload(**claims: object) -> bytes:
    return json.dumps({"sub": DOMAIN, "scope": "bff:call", "exp": NOW + 60, **claims}).encode()


def test_a_good_token_is_accepted() -> None:
    opened_account(shop_domain=DOMAIN, credits_bought=7)

    response = read(token(DOMAIN))

    assert response.json()["data"]["balance"] == 7


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": float(NOW) + 3600.5},
        {"nbf": NOW - 1},
        {"nbf": None},
        {"platform": None},
        {"iat": NOW + 3600},
        {"aud": "credit-service"},
        {"aud": ["bff", "credit-service"]},
        {"iss": "bff", "jti": "1", "anything": {"else": [1]}},
    ],
)
def test_claims_that_are_not_asked_for_do_no_harm(claims: dict[str, object]) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(token(DOMAIN, **claims))

    assert response.status_code == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "bearer  ", "Basic c2hvcDpzZWNyZXQ=", "Token {token}", "{token}", "Bearer{token}",
     "Bearer {token} ", "Bearer {token},Bearer {token}", "Bearer {token} {token}", "Bearer\t{token}", "Bearer a.b.c",
     "Bearer é.é.é", "Bearer ..", "Bearer null"],
)  # fmt: skip
def test_an_authorization_that_is_no_bearer_token_is_refused(authorization: str) -> None:
    opened_account(shop_domain=DOMAIN)
    sent = authorization.format(token=token(DOMAIN))

    response = ask(platform="shopify", domain=DOMAIN, Authorization=sent)

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_the_scheme_is_read_in_any_case() -> None:
    opened_account(shop_domain=DOMAIN)

    response = ask(platform="shopify", domain=DOMAIN, Authorization=f"bEARER {token(DOMAIN)}")

    assert response.status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": LEFT_OUT}, {"sub": None}, {"sub": ""}, {"sub": 5}, {"sub": [DOMAIN]}, {"sub": {"domain": DOMAIN}},
        {"scope": LEFT_OUT}, {"scope": None},
        {"exp": LEFT_OUT}, {"exp": None}, {"exp": NOW}, {"exp": NOW - 1}, {"exp": -1}, {"exp": str(NOW + 60)},
        {"exp": True}, {"exp": [NOW + 60]}, {"exp": float("inf")}, {"exp": float("nan")},
        {"nbf": NOW + 600}, {"nbf": "soon"}, {"nbf": float("inf")},
        {"aud": "another-service"}, {"aud": ["another-service"]}, {"aud": []}, {"aud": 5}, {"aud": ""},
    ],
)  # fmt: skip
def test_missing_ill_typed_and_untimely_claims_are_refused(claims: dict[str, object]) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(token(**{"sub": DOMAIN, **claims}))

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_a_token_is_good_from_its_first_second_until_its_last() -> None:
    claims = Claims(sub=DOMAIN, scope="bff:call", nbf=1000, exp=2000)

    holds = [claims.hold_at(moment) for moment in (999.9, 1000, 1999.9, 2000)]

    assert holds == [False, True, True, False]


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_no_algorithm_but_hs256_is_accepted(algorithm: str) -> None:
    opened_account(shop_domain=DOMAIN)
    secret = "long-enough-for-every-one-of-the-algorithms-that-are-tried-here-0123456789"

    response = read(token(DOMAIN, algorithm=algorithm, secret=secret))

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "hs256", "HS384", "RS256", "ES256", None, 5, ["HS256"]]
)
def test_the_header_of_a_well_signed_token_can_not_name_another_algorithm(algorithm: object) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(signed_with_header(payload(), {"alg": algorithm}))

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"crit": []}, {"kid": 5}, {"b64": False, "crit": ["b64"]}])
def test_headers_that_a_verifier_must_understand_and_does_not_are_refused(header: dict[str, object]) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(signed_with_header(payload(), {"alg": "HS256", **header}))

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b"{", b"\xff\xfe", b'{"sub": "\\ud800"}', b"[" * 5000, b'{"a":' * 5000]
)
def test_a_payload_that_is_no_object_is_refused(body: bytes) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(signed(body))

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_one_part_changed_is_refused(part: int) -> None:
    opened_account(shop_domain=DOMAIN)
    parts = token(DOMAIN).split(".")
    parts[part] = ("A" if parts[part][0] != "A" else "B") + parts[part][1:]

    response = read(".".join(parts))

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_every_secret_of_the_list_is_good_while_keys_rotate(settings: Settings) -> None:
    settings.CLIENT_JWT_SECRETS = (NEW_SECRET, OLD_SECRET)
    opened_account(shop_domain=DOMAIN)

    answers = [read(token(DOMAIN, secret=secret)).status_code for secret in (OLD_SECRET, NEW_SECRET)]

    assert answers == [200, 200]


def test_a_secret_that_has_left_the_list_is_good_no_more(settings: Settings) -> None:
    settings.CLIENT_JWT_SECRETS = (NEW_SECRET,)
    opened_account(shop_domain=DOMAIN)

    response = read(token(DOMAIN, secret=OLD_SECRET))

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_a_token_that_was_accepted_is_asked_anew_for_its_times_and_its_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLIENT_JWT_SECRETS = (OLD_SECRET,)
    opened_account(shop_domain=DOMAIN)
    bearer = token(DOMAIN, secret=OLD_SECRET)
    accepted = read(bearer)

    monkeypatch.setattr("api.tokens.time.time", lambda: float(NOW + 3600))
    expired = read(bearer)
    monkeypatch.undo()
    settings.CLIENT_JWT_SECRETS = (NEW_SECRET,)
    of_a_secret_that_left = read(bearer)

    assert accepted.status_code == 200
    assert refusal(expired) == refusal(of_a_secret_that_left) == (401, "UNAUTHORIZED")


def test_only_tokens_that_were_good_are_remembered_and_so_many_at_most() -> None:
    opened_account(shop_domain=DOMAIN)
    _signed_claims.cache_clear()

    read(token(DOMAIN))
    for number in range(5):
        read(token(DOMAIN, secret=f"{number}" * 40))

    kept = _signed_claims.cache_info()
    assert (kept.currsize, kept.maxsize) == (1, REMEMBERED)


def test_a_refused_token_is_told_nothing_about_why(settings: Settings) -> None:
    settings.CLIENT_JWT_SECRETS = (NEW_SECRET, OLD_SECRET)
    bad = [None, token(DOMAIN, exp=1), token(DOMAIN, secret="x" * 40), token(DOMAIN, algorithm="none"), "a.b.c"]

    answers = [read(bearer) for bearer in bad]

    assert {json.dumps(answer.json()["error"]) for answer in answers} == {
        '{"code": "UNAUTHORIZED", "message": "A valid bearer token is required.", "details": {}}'
    }
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' UNION SELECT 'x"},
        {"jku": "https://elsewhere.example.com/keys"},
        {"x5u": "https://elsewhere.example.com/certificate"},
        {"jwk": {"kty": "oct", "k": "eA"}},
        {"typ": "JWE", "cty": "JWT"},
    ],
)
def test_a_header_that_names_another_key_changes_nothing(header: dict[str, object]) -> None:
    opened_account(shop_domain=DOMAIN)
    in_a_minute = int(time.time()) + 60
    forged = jwt.encode({"sub": DOMAIN, "scope": "bff:call", "exp": in_a_minute}, "x" * 40, headers=header)

    ours = read(signed_with_header(payload(exp=in_a_minute), {"alg": "HS256", **header}))

    assert ours.status_code == 200
    assert refusal(read(forged)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("key", ["", "\x00" * 32, "x" * 40, "none", DOMAIN])
def test_a_token_of_another_key_is_refused(key: str) -> None:
    opened_account(shop_domain=DOMAIN)
    parts = [base64url(json.dumps({"alg": "HS256"}).encode()), base64url(payload())]
    signature = hmac.digest(key.encode(), b".".join(parts), "sha256")

    response = read(b".".join([*parts, base64url(signature)]).decode())

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_a_token_signed_by_a_key_pair_is_refused_whatever_algorithm_it_names() -> None:
    """There is no public key here that could be mistaken for a secret; and RS256 is not looked at."""
    opened_account(shop_domain=DOMAIN)
    public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
    parts = [base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()), base64url(payload())]
    confused = hmac.digest(public.encode(), b".".join(parts), "sha256")

    answers = [
        read(b".".join([*parts, base64url(confused)]).decode()),
        read(signed_with_header(payload(), {"alg": "RS256"})),
    ]

    assert [refusal(answer) for answer in answers] == [(401, "UNAUTHORIZED")] * 2


@pytest.mark.parametrize("parts", [2, 4, 5])
def test_what_has_not_three_parts_is_refused(parts: int) -> None:
    """Five parts make an encrypted token (JWE)."""
    opened_account(shop_domain=DOMAIN)
    whole = token(DOMAIN).split(".")

    response = read(".".join([*whole, *whole][:parts]))

    assert refusal(response) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_a_huge_token_is_refused_at_once(size: int) -> None:
    opened_account(shop_domain=DOMAIN)
    began = time.monotonic()

    answers = [read("A" * size), read(token(DOMAIN, padding="x" * size) + "A"), read("." * size)]

    assert [refusal(answer) for answer in answers] == [(401, "UNAUTHORIZED")] * 3
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("times", [{"exp": 10**400}, {"exp": 1e308}, {"exp": NOW + 60, "nbf": -(10**400)}])
def test_a_time_beyond_all_clocks_is_read_or_refused_and_no_error(times: dict[str, object]) -> None:
    opened_account(shop_domain=DOMAIN)

    response = read(token(DOMAIN, **times))

    assert response.status_code in (200, 401)


@pytest.mark.parametrize("bearer", ["\u202e.\u2066.\u2069", "eyJ.eyJ.\N{GRINNING FACE}", "٣.٣.٣", "a.b.c\x00"])
def test_a_token_of_strange_letters_is_refused(bearer: str) -> None:
    response = read(bearer.encode().decode("latin-1"))

    assert refusal(response) == (401, "UNAUTHORIZED")


def test_claims_given_twice_are_read_once_and_for_no_other_shop() -> None:
    opened_account(shop_domain=DOMAIN)
    rest = f'"scope":"bff:call","exp":{int(time.time()) + 60}'
    twice = f'{{"sub":"other.example.com","sub":"{DOMAIN}",{rest}}}'
    other = f'{{"sub":"{DOMAIN}","sub":"other.example.com",{rest}}}'

    answers = [read(signed(text.encode())).status_code for text in (twice, other)]

    assert answers == [200, 401]
