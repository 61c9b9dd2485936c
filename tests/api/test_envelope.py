"""The envelope round every answer, its ids, and how every kind of failure is told."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.module_loading import import_string

from api import credits
from api.correlation import CorrelationMiddleware
from tests.api.shops import CREDITS, TRANSACTIONS, ask, ask_for, refusal, token
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.django_db

OF_EVERY_ANSWER = {
    "api.correlation.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "creditsvc.middleware.PagesContentSecurity",
    "api.envelope.EnvelopeMiddleware",
}


def test_an_answer_has_data_no_error_and_says_whose_and_when() -> None:
    account = opened_account()

    response = ask_for(account)

    body = response.json()
    assert set(body) == {"data", "error", "meta"}
    assert body["error"] is None
    assert set(body["meta"]) == {"request_id", "correlation_id", "timestamp"}
    assert abs(datetime.fromisoformat(body["meta"]["timestamp"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert body["meta"]["timestamp"].endswith("Z")


def test_the_ids_stand_in_headers_too() -> None:
    response = ask()

    meta = response.json()["meta"]
    assert response["X-Correlation-ID"] == meta["correlation_id"]
    assert response["X-Request-ID"] == meta["request_id"]
    assert response["X-Service-Name"] == "credit-service"


@pytest.mark.parametrize("path", [CREDITS, "/api/nowhere", "/api/docs", "/health", "/metrics"])
def test_every_answer_has_the_ids(path: str) -> None:
    response = ask(path, X_Correlation_ID="order-4711")

    assert response["X-Correlation-ID"] == "order-4711"
    assert re.fullmatch(r"req_[0-9a-f]{12}", response["X-Request-ID"])


@pytest.mark.parametrize("given", ["a", "corr_0123456789ab", "with spaces / and ~ signs", "x" * 255])
def test_a_callers_correlation_id_is_kept(given: str) -> None:
    response = ask(X_Correlation_ID=given)

    assert response.json()["meta"]["correlation_id"] == given


@pytest.mark.parametrize("given", [None, "", "x" * 256, "tab\there", "café", "nul\0", "line\x0bbreak"])
def test_a_missing_or_unfit_correlation_id_is_replaced(given: str | None) -> None:
    response = ask(**({} if given is None else {"X_Correlation_ID": given}))

    assert re.fullmatch(r"corr_[0-9a-f]{12}", response["X-Correlation-ID"])


def test_two_requests_never_share_their_ids() -> None:
    ids = {(response["X-Request-ID"], response["X-Correlation-ID"]) for response in (ask() for _ in range(50))}

    assert len(ids) == 50


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nowhere", "/api/credits/", "/api/credits/1", "/api//credits", "/api/%00", "/api/é"]
)
def test_an_unknown_path_is_not_found(path: str) -> None:
    response = ask(path)

    assert refusal(response) == (404, "NOT_FOUND")


def test_a_path_beside_the_api_is_none_of_the_envelopes_business() -> None:
    response = ask("/apinowhere")

    assert response.status_code == 404
    assert response["Content-Type"] != "application/json"


@pytest.mark.parametrize("path", [CREDITS, TRANSACTIONS])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_only_get_is_allowed(method: str, path: str) -> None:
    response = Client().generic(method, path)

    assert refusal(response) == (405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "GET"


def test_head_is_answered_with_the_length_and_without_the_body() -> None:
    middleware = CorrelationMiddleware(lambda request: HttpResponse(b"body"))

    response = middleware(RequestFactory().head("/health"))

    assert (response["Content-Length"], response.content) == ("4", b"")


def test_a_failure_of_ours_tells_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(request: HttpRequest) -> None:
        raise RuntimeError("the secret is hunter2")

    account = opened_account()
    monkeypatch.setattr(credits, "account_of", fail)

    response = ask_for(account)

    assert refusal(response) == (500, "INTERNAL_ERROR")
    assert response.json()["error"]["details"] == {}
    assert b"hunter2" not in response.content
    assert b"RuntimeError" not in response.content


def test_a_failure_of_the_door_is_told_in_the_envelope_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret is hunter2")

    account = opened_account()
    monkeypatch.setattr("api.auth.accounts_of_domain", fail)

    response = ask_for(account)

    assert refusal(response) == (500, "INTERNAL_ERROR")
    assert b"hunter2" not in response.content


def test_parameters_that_do_not_fit_are_named() -> None:
    account = opened_account()

    response = ask_for(account, f"{TRANSACTIONS}?page=0&limit=many&cursor=x")

    assert refusal(response) == (422, "VALIDATION_ERROR")
    problems = response.json()["error"]["details"]["validation_errors"]
    assert [(problem["field"], problem["type"]) for problem in problems] == [
        ("page", "greater_than_equal"),
        ("limit", "int_parsing"),
        ("cursor", "string_pattern_mismatch"),
    ]
    assert all(problem["message"] for problem in problems)


def test_more_parameters_than_anyone_needs_are_refused() -> None:
    account = opened_account()

    response = ask_for(account, f"{TRANSACTIONS}?{'&'.join(f'p{number}=1' for number in range(2000))}")

    assert refusal(response) == (422, "VALIDATION_ERROR")


def test_no_answer_is_kept_by_a_cache() -> None:
    account = opened_account()

    answers = [ask_for(account), ask()]

    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}


def test_an_answer_says_how_long_it_is() -> None:
    response = ask_for(opened_account())

    assert int(response["Content-Length"]) == len(response.content)


def test_a_host_that_is_not_ours_may_ask() -> None:
    account = opened_account()
    bearer = token(account.shop_domain)

    response = ask(bearer=bearer, platform=account.platform_name, domain=account.shop_domain, Host="10.1.2.3:8000")

    assert response.status_code == 200


@pytest.mark.parametrize("name", sorted(set(settings.MIDDLEWARE) - OF_EVERY_ANSWER))
def test_no_middleware_of_pages_sees_what_is_asked_of_the_api(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(*_: object) -> HttpResponse:
        raise AssertionError(f"{name} was asked")

    monkeypatch.setattr(import_string(name), "__call__", seen)
    client = Client()  # loads the middleware anew

    assert client.get(CREDITS).status_code == 401
    with pytest.raises(AssertionError, match="was asked"):
        client.get("/admin/login/")
