"""The service as gunicorn serves it: what only a real server shows."""

import http.client
import json
import re
from collections.abc import Callable
from contextlib import closing

import pytest

from ledger.metrics import count_parked
from ledger.outcomes import ParkReason
from tests.api.shops import CREDITS, token
from tests.fixtures.served import ServeAt
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.slow

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"

Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[str], Callable[..., Answer]]


@pytest.fixture
def serve(serve_at: ServeAt) -> Serve:
    """Serves a database; gives a function that asks the server: ask(path, *headers) -> status, headers, body."""

    def start(database_url: str) -> Callable[..., Answer]:
        port = serve_at(database_url)
        return lambda path, *headers, method="GET": ask(port, path, headers, method=method)

    return start


def ask(port: int, path: str, headers: tuple[tuple[str, str], ...], *, method: str) -> Answer:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


def code_of(answer: Answer) -> tuple[int, str]:
    status, _, body = answer
    return status, json.loads(body)["error"]["code"]


def test_headers_given_twice_or_by_another_name_open_nothing_else(serve: Serve, own_database: str) -> None:
    own = opened_account(shop_domain="own.example.com", credits_bought=1)
    opened_account(shop_domain="other.example.com", credits_bought=2)
    asked = serve(own_database)
    authorized = ("Authorization", f"Bearer {token(own.shop_domain)}")
    platform, domain = ("X-Shop-Platform", "shopify"), ("X-Shop-Domain", "own.example.com")
    other = ("X-Shop-Domain", "other.example.com")

    right = asked(CREDITS, authorized, platform, domain)
    twice = [asked(CREDITS, authorized, platform, *pair) for pair in ((domain, other), (other, domain))]
    underscored = asked(CREDITS, authorized, platform, domain, ("X_Shop_Domain", "other.example.com"))
    two_tokens = asked(CREDITS, authorized, ("Authorization", f"Bearer {token('other.example.com')}"), platform, other)

    assert json.loads(right[2])["data"]["balance"] == 1
    assert [code_of(answer) for answer in twice] == [(400, "INVALID_DOMAIN_FORMAT")] * 2
    assert json.loads(underscored[2])["data"]["balance"] == 1
    assert code_of(two_tokens) == (401, "UNAUTHORIZED")


def test_no_charset_that_a_caller_names_makes_it_fail(serve: Serve, own_database: str) -> None:
    asked = serve(own_database)
    charsets = ("hex", "rot13", "undefined", "utf-16", "unicode_escape", "nonsense", '"', "")

    answers = [
        asked(f"{CREDITS}?page=1%ff", ("Content-Type", f"text/plain; {spelling}={charset}"), method=method)
        for charset in charsets
        for spelling in ("charset", "Charset ", "charset*")
        for method in ("GET", "POST")
    ]

    assert [code_of(answer) for answer in answers] == [(401, "UNAUTHORIZED"), (405, "METHOD_NOT_ALLOWED")] * 24


def test_without_its_database_it_is_alive_and_says_that_it_is_not_ready(serve: Serve) -> None:
    asked = serve(AWAY)
    sent = (
        ("Authorization", f"Bearer {token('own.example.com')}"),
        ("X-Shop-Platform", "shopify"),
        ("X-Shop-Domain", "own.example.com"),
    )

    alive, ready, read = asked("/health"), asked("/ready"), asked(CREDITS, *sent)

    assert (alive[0], ready[0]) == (200, 503)
    assert code_of(read) == (503, "SERVICE_UNAVAILABLE")
    assert json.loads(read[2])["error"]["details"] == {}


def test_metrics_show_what_another_process_has_counted(serve: Serve, own_database: str) -> None:
    asked = serve(own_database)
    before = revoked_in(asked("/metrics")[2])

    count_parked([ParkReason.REVOKED])

    assert revoked_in(asked("/metrics")[2]) == before + 1


def revoked_in(page: bytes) -> float:
    """How many parked messages were revoked ones, by a page of figures."""
    (figure,) = re.findall(rb'^credits_messages_parked_total\{reason="revoked"\} (\S+)$', page, re.MULTILINE)
    return float(figure)


def test_the_documents_scripts_are_served_without_being_collected_first(serve: Serve, own_database: str) -> None:
    asked = serve(own_database)

    status, headers, body = asked("/static/ninja/swagger-ui-bundle.js")

    assert status == 200
    assert "javascript" in headers["Content-Type"]
    assert len(body) > 100_000
