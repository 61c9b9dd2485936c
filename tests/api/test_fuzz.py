"""The API fuzzed from its own OpenAPI document, by good and bad tokens: no 500, no other shop's data."""

from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis import Case, GenerationMode, Response
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from creditsvc.wsgi import application
from tests.api.services import SECRET, service_token
from tests.api.shops import token
from tests.api.test_documents import INTERNAL, OPERATIONS
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.slow

OWN = "own.example.com"
OTHER = "other.example.com"
OTHERS_CREDITS = 987_654_321

SHOP = {"X-Shop-Platform": "shopify", "X-Shop-Domain": OWN}
TOKENS = {
    "good": lambda: token(OWN),
    "good, with a platform": lambda: token(OWN, platform="shopify"),
    "nobody's": lambda: token("nobody.example.com"),
    "without the scope": lambda: token(OWN, scope="another"),
    "expired": lambda: token(OWN, exp=1),
    "forged": lambda: token(OWN, secret="a-secret-that-is-not-the-services-own-one"),
    "no token": lambda: "no.token.atall",
}


@pytest.fixture
def document(db: None) -> Iterator[BaseSchema]:
    """The API's own description of itself; two shops' accounts are open, and no token below is the second one's."""
    opened_account(shop_domain=OWN, credits_bought=11)
    opened_account(shop_domain=OTHER, credits_bought=OTHERS_CREDITS)
    # As Django's test client does: a connection in a test's transaction must not be closed between requests.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/openapi.json", application)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


# These take the request for as good or as bad as the headers that were generated, which ours replace.
ABOUT_GENERATED_HEADERS = [ignored_auth, negative_data_rejection]

# A schema can't say which years, days, zones and periods there are, nor that 5.0 is no integer here.
UNSAID = {"from", "to", "at", "tz", "bucket", "amount"}

fuzzed = hypothesis_settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def requests_of(document: BaseSchema, *modes: GenerationMode, internal: bool = False) -> st.SearchStrategy[Case]:
    """Requests to every operation for shops, or for services: such as the document allows, and such as it does not."""
    every = [found.ok() for found in document.get_all_operations()]
    operations = [operation for operation in every if (operation.path in INTERNAL) == internal]
    assert len(operations) == len(INTERNAL if internal else OPERATIONS)
    return st.one_of(*(operation.as_strategy(generation_mode=mode) for operation in operations for mode in modes))


def is_unsaid(response: Response) -> bool:
    """Whether nothing but what a schema can't say was refused."""
    if response.status_code != 422:
        return False
    return {problem["field"] for problem in response.json()["error"]["details"]["validation_errors"]} <= UNSAID


def test_whatever_is_asked_with_whatever_token_is_answered_as_the_document_says(document: BaseSchema) -> None:
    statuses = set()

    @hypothesis_settings(fuzzed, max_examples=150)
    @given(case=requests_of(document, *GenerationMode), held=st.sampled_from(list(TOKENS)))
    def ask(case: Case, held: str) -> None:
        response = case.call(headers={"Authorization": f"Bearer {TOKENS[held]()}"})
        case.validate_response(response)
        statuses.add(response.status_code)
        assert response.status_code < 500
        assert str(OTHERS_CREDITS) not in response.text

    ask()
    assert statuses >= {400, 401, 403}


@pytest.mark.parametrize("mode", GenerationMode)
def test_the_shops_own_token_and_headers_get_rows_or_a_reason(document: BaseSchema, mode: GenerationMode) -> None:
    statuses = set()

    @fuzzed
    @given(case=requests_of(document, mode))
    def ask(case: Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token(OWN)}", **SHOP})
        excluded = [positive_data_acceptance] if is_unsaid(response) else []
        case.validate_response(response, excluded_checks=[*ABOUT_GENERATED_HEADERS, *excluded])
        statuses.add(response.status_code)
        assert str(OTHERS_CREDITS) not in response.text

    ask()
    # The document can't say that a period begins before it ends, or which transactions there are.
    assert {200} <= statuses <= {200, 404, 422} if mode.is_positive else 422 in statuses


@pytest.mark.parametrize("mode", GenerationMode)
def test_a_services_token_gets_answers_or_a_reason(
    document: BaseSchema, mode: GenerationMode, settings: Settings
) -> None:
    settings.INTERNAL_JWT_SECRETS = (SECRET,)
    statuses = set()

    @fuzzed
    @given(case=requests_of(document, mode, internal=True))
    def ask(case: Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {service_token()}"})
        excluded = [positive_data_acceptance] if is_unsaid(response) else []
        case.validate_response(response, excluded_checks=[*ABOUT_GENERATED_HEADERS, *excluded])
        statuses.add(response.status_code)

    ask()
    assert {200} <= statuses <= {200, 404, 422} if mode.is_positive else 422 in statuses
