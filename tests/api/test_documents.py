"""The documents: the OpenAPI description and the page that shows it, with nothing fetched from elsewhere."""

import re
from contextlib import closing
from functools import cache
from typing import Any

import pytest

from tests.api.shops import ask

STREAMED = ("/api/credits/statement.csv", "/api/credits/statement.jsonl")
OPERATIONS = (
    "/api/credits",
    "/api/credits/balance",
    "/api/credits/transactions",
    "/api/credits/transactions/{transaction_id}",
    "/api/credits/lots",
    "/api/credits/holds",
    "/api/credits/usage",
    *STREAMED,
)

INTERNAL = {
    "/api/internal/credits/{merchant_id}": "get",
    "/api/internal/credits": "post",
    "/api/internal/references": "get",
}


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document; made once, which takes a tenth of a second."""
    body: dict[str, Any] = ask("/api/openapi.json").json()
    return body


def test_the_document_describes_the_reads_and_nothing_else() -> None:
    paths = document()["paths"]

    assert {(path, method) for path, methods in paths.items() for method in methods} == {
        *((path, "get") for path in OPERATIONS),
        *INTERNAL.items(),
    }


@pytest.mark.parametrize("path", OPERATIONS)
def test_an_operation_says_who_may_ask_and_with_which_headers(path: str) -> None:
    described = document()

    operation = described["paths"][path]["get"]

    assert operation["tags"] == ["Credits"]
    assert operation["security"] == [{"ShopToken": []}]
    assert described["components"]["securitySchemes"]["ShopToken"].items() >= {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
    }.items()  # fmt: skip
    sent = [parameter for parameter in operation["parameters"] if parameter["in"] == "header"]
    required = {parameter["name"] for parameter in sent if parameter["required"]}
    assert required == {"X-Shop-Platform", "X-Shop-Domain"}


@pytest.mark.parametrize("path", INTERNAL)
def test_what_other_services_read_takes_a_token_of_their_own(path: str) -> None:
    described = document()

    operation = described["paths"][path][INTERNAL[path]]

    assert operation["tags"] == ["Internal"]
    assert operation["security"] == [{"ServiceToken": []}]
    assert operation["responses"].keys() >= {"200", "401", "403", "422", "500", "503"}
    for response in operation["responses"].values():
        assert response["content"]["application/json"]["schema"]["$ref"]
        assert response["headers"].keys() >= {"X-Correlation-ID", "X-Request-ID", "X-Service-Name"}


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_answer_of_an_operation_has_a_shape_and_headers(path: str) -> None:
    responses = document()["paths"][path]["get"]["responses"]

    for status, response in responses.items():
        if path not in STREAMED or status != "200":
            assert response["content"]["application/json"]["schema"]["$ref"]
        assert response["content"]
        assert response["headers"].keys() >= {"X-Correlation-ID", "X-Request-ID", "X-Service-Name"}
    assert responses.keys() >= {"200", "400", "401", "403", "404", "500", "503"}


def test_the_document_names_every_code_that_an_operation_can_give() -> None:
    schemas = document()["components"]["schemas"]

    codes = {code for name, schema in schemas.items() if name.startswith("Error") and name != "ErrorDetails"
             for code in codes_of(schema)}  # fmt: skip

    assert codes == {
        "UNAUTHORIZED", "INVALID_SCOPE", "MISSING_PLATFORM_HEADER", "MISSING_DOMAIN_HEADER", "UNSUPPORTED_PLATFORM",
        "INVALID_DOMAIN_FORMAT", "SHOP_DOMAIN_MISMATCH", "CREDIT_ACCOUNT_NOT_FOUND", "VALIDATION_ERROR",
        "SERVICE_UNAVAILABLE", "INTERNAL_ERROR", "TRANSACTION_NOT_FOUND",
    }  # fmt: skip


def codes_of(schema: dict[str, Any]) -> set[str]:
    code = schema["properties"]["code"]
    return set(code.get("enum") or [code["const"]])


@pytest.mark.django_db  # closing a file's response closes old connections
def test_the_page_brings_its_own_scripts_and_styles() -> None:
    page = ask("/api/docs").content.decode()

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert addresses
    assert all(address.startswith("/static/ninja/") for address in addresses)
    assert [status_of(address) for address in addresses] == [200] * len(addresses)


def status_of(address: str) -> int:
    with closing(ask(address)) as response:
        return response.status_code
