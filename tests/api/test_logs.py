"""What a request leaves in the log: one line, with its ids and without its secrets."""

from typing import Any

import pytest
from django.http import HttpRequest

from api import credits
from tests.api.shops import CREDITS, TRANSACTIONS, ask, ask_for, token
from tests.ledger.builders import opened_account

pytestmark = pytest.mark.django_db


def told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What our own loggers have told: a line is a mapping, several that are written at once a list of such."""
    told = (record.msg for record in caplog.records if not isinstance(record.msg, str))
    return [line for lines in told for line in (lines if isinstance(lines, list) else [lines])]


def test_a_request_leaves_one_line(caplog: pytest.LogCaptureFixture) -> None:
    account = opened_account()

    response = ask_for(account, f"{TRANSACTIONS}?limit=5", X_Correlation_ID="order-4711")

    assert len(caplog.records) == 1
    (line,) = told(caplog)
    assert line.pop("duration_ms") > 0
    assert {key: line[key] for key in ("event", "method", "path", "status", "correlation_id", "request_id")} == {
        "event": "request_answered",
        "method": "GET",
        "path": TRANSACTIONS,
        "status": 200,
        "correlation_id": "order-4711",
        "request_id": response["X-Request-ID"],
    }


@pytest.mark.parametrize(("path", "status"), [(CREDITS, 401), ("/api/nowhere", 404)])
def test_a_refusal_leaves_one_line_too(caplog: pytest.LogCaptureFixture, path: str, status: int) -> None:
    ask(path)

    assert [line["status"] for line in told(caplog)] == [status]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_the_machines_questions_leave_none(caplog: pytest.LogCaptureFixture, path: str) -> None:
    ask(path)

    assert caplog.records == []


def test_a_failure_leaves_its_traceback_with_the_ids(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: HttpRequest) -> None:
        raise RuntimeError("a defect")

    account = opened_account()
    monkeypatch.setattr(credits, "account_of", fail)

    response = ask_for(account)

    failure, request = told(caplog)
    assert (failure["event"], request["event"]) == ("request_failed", "request_answered")
    assert failure["request_id"] == request["request_id"] == response["X-Request-ID"]
    assert "a defect" in str(failure["exc_info"])


def test_a_failure_outside_the_api_leaves_its_traceback_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("api.metrics.queue_depths", fail)

    with pytest.raises(RuntimeError):  # the test client's way to show what the caller sees as a 500
        ask("/metrics")

    assert [line["event"] for line in told(caplog)] == ["request_failed"]


def test_neither_token_nor_query_nor_header_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: HttpRequest) -> None:
        raise RuntimeError("a defect")

    account = opened_account()
    bearer = token(account.shop_domain)
    sent = {"bearer": bearer, "platform": account.platform_name, "domain": account.shop_domain}
    ask(f"{TRANSACTIONS}?limit=7&token={bearer}", **sent)
    ask("/api/nowhere", **sent)
    monkeypatch.setattr(credits, "account_of", fail)
    ask(CREDITS, **sent)

    printed = caplog.text + "".join(str(line) for line in told(caplog))

    assert "RuntimeError" in caplog.text
    for part in bearer.split("."):
        assert part not in printed
    assert "limit=7" not in printed
