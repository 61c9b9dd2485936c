"""GET /api/credits/statement.csv and .jsonl: an opening balance, a period's rows, a closing balance, streamed."""

import csv
import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from api.statement import CHUNK_ROWS, COLUMNS
from ledger.journal import post
from ledger.models import Account
from tests.api.histories import account_with, rows_of
from tests.api.shops import ask_for, refusal
from tests.api.test_balance_at import BEGIN, TICK, histories, moments
from tests.ledger.builders import grant, opened_account, requests

SIGN = {"credit": 1, "debit": -1}


def asked(account: Account, ending: str, **query: Any) -> HttpResponse:
    named = {name.rstrip("_"): value for name, value in query.items() if value is not None}
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in named.items()}
    return ask_for(account, f"/api/credits/statement.{ending}?{urlencode(values)}")


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def lines_of(account: Account, **query: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(asked(account, "jsonl", **query)).splitlines()]


def cells_of(account: Account, **query: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text_of(asked(account, "csv", **query)), newline="")))


class TestStatement(TestCase):
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(history=histories, begin=st.none() | moments, end=st.none() | moments)
    def test_its_opening_balance_and_its_rows_come_to_its_closing_balance(
        self, history: Any, begin: datetime | None, end: datetime | None
    ) -> None:
        account = account_with(history)

        opening, *rows, closing = lines_of(account, from_=begin, to=end)

        assert (opening["line"], closing["line"]) == ("opening", "closing")
        moved = sum(SIGN[row["operation"]] * row["amount"] for row in rows)
        assert opening["balance_after"] + moved == closing["balance_after"]
        inside = [row for row in rows_of(account)
                  if (begin is None or begin <= row.created_at) and (end is None or row.created_at < end)]  # fmt: skip
        assert [row["id"] for row in rows] == [str(row.id) for row in inside]
        before = [row.balance_after for row in rows_of(account) if begin is not None and row.created_at < begin]
        assert opening["balance_after"] == (before[-1] if before else 0)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(history=histories)
    def test_csv_says_the_same_as_json_lines(self, history: Any) -> None:
        account = account_with(history)

        lines, cells = lines_of(account), cells_of(account)

        for line, row in zip(lines, cells, strict=True):
            assert list(row) == list(COLUMNS)
            line["metadata"] = json.dumps(line["metadata"]) if "metadata" in line else ""
            for column in set(COLUMNS) - {"created_at"}:
                assert row[column] == str("" if line.get(column) is None else line[column])
            assert bool(row["created_at"]) == bool(line.get("created_at"))


@pytest.mark.django_db
def test_it_is_read_a_chunk_at_a_time_while_it_is_written() -> None:
    account = account_with((BEGIN + n * TICK, "grant", 1) for n in range(CHUNK_ROWS * 2 + 1))

    with CaptureQueriesContext(connection) as queries:
        response: Any = asked(account, "jsonl")
        stream = iter(response.streaming_content)
        first = [next(stream) for _ in range(CHUNK_ROWS + 1)]
        after_a_chunk = len(queries)
        rest = list(stream)

    assert (len(first), len(rest)) == (CHUNK_ROWS + 1, CHUNK_ROWS + 2)
    assert len(queries) - after_a_chunk == 2  # the second chunk and the last row; never all of it at once


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_what_a_spreadsheet_would_compute_is_text_in_csv_and_itself_in_json_lines(text: str) -> None:
    account = opened_account()
    post(requests(grant(merchant_id=account.merchant_id, description=text, reference_id=text)))

    (row,) = cells_of(account)[1:-1]
    (line,) = lines_of(account)[1:-1]

    assert (row["description"], row["reference_id"]) == (f"'{text}", f"'{text}")
    assert (line["description"], line["reference_id"]) == (text, text)


@pytest.mark.django_db
def test_commas_quotes_and_letters_of_any_alphabet_come_through() -> None:
    account = opened_account()
    text = 'a "b", c; Ключ ☃'
    post(requests(grant(merchant_id=account.merchant_id, description=text)))

    (row,) = cells_of(account)[1:-1]

    assert row["description"] == text


@pytest.mark.django_db
def test_it_is_a_file_of_the_shops_name_that_nobody_keeps() -> None:
    account = opened_account(shop_domain="shop.example.com")

    response = asked(account, "csv")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="credits-shop.example.com.csv"'
    assert response["Cache-Control"] == "no-store"
    assert {"X-Correlation-ID", "X-Request-ID"} <= response.headers.keys()


@pytest.mark.django_db
def test_a_month_of_a_time_zone_is_that_month() -> None:
    inside = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    account = account_with([(inside - timedelta(days=40), "grant", 1), (inside, "grant", 2)])

    rows = lines_of(account, from_="2026-03-01", to="2026-04-01", tz="Europe/Paris")[1:-1]

    assert [row["amount"] for row in rows] == [2]


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_bad_bound_is_refused_before_anything_is_written(ending: str) -> None:
    account = opened_account()

    response = asked(account, ending, to="tomorrow")

    assert refusal(response) == (422, "VALIDATION_ERROR")
    assert response.json()["error"]["details"]["validation_errors"][0]["field"] == "to"
