"""Pages and cursors: which rows an answer shows, where its links lead, and what they cost."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from api.pages import numbered_page, page_from, read_cursor, written_cursor
from ledger.journal import post
from ledger.models import Account
from tests.api.shops import TRANSACTIONS, ask_for, refusal
from tests.ledger.builders import grant, opened_account, requests

LINKS = ("self", "next", "previous", "first", "last")


def account_with(rows: int) -> Account:
    """An account whose posted transactions have the amounts 1, 2, 3 … in the order of their sequence."""
    account = opened_account()
    add(account, first=1, last=rows)
    return account


def add(account: Account, *, first: int, last: int) -> None:
    post(requests(*(grant(merchant_id=account.merchant_id, amount=amount) for amount in range(first, last + 1))))


def read(account: Account, address: str) -> dict[str, Any]:
    response = ask_for(account, address)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def amounts(body: dict[str, Any]) -> list[int]:
    return [row["amount"] for row in body["data"]]


def walk(account: Account, *, start: str, by: str) -> list[list[int]]:
    """The amounts on every page from the start on, following one kind of link."""
    pages = []
    address: str | None = start
    while address is not None:
        body = read(account, address)
        pages.append(amounts(body))
        address = body["links"][by]
    return pages


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize(
        ("query", "shown", "pagination"),
        [
            ("", [7, 6, 5, 4, 3, 2, 1], (1, 50, 7, 1, False, False)),
            ("?limit=3", [7, 6, 5], (1, 3, 7, 3, True, False)),
            ("?limit=3&page=2", [4, 3, 2], (2, 3, 7, 3, True, True)),
            ("?limit=3&page=3", [1], (3, 3, 7, 3, False, True)),
            ("?limit=3&page=4", [], (4, 3, 7, 3, False, True)),
            ("?limit=3&page=1000000000000", [], (10**12, 3, 7, 3, False, True)),
            ("?limit=7", [7, 6, 5, 4, 3, 2, 1], (1, 7, 7, 1, False, False)),
            ("?limit=1000", [7, 6, 5, 4, 3, 2, 1], (1, 1000, 7, 1, False, False)),
            ("?limit=1&page=7", [1], (7, 1, 7, 7, False, True)),
            ("?cursor=c5&limit=2", [5, 4], (2, 2, 7, 4, True, True)),
            ("?cursor=c5&limit=2&page=99", [5, 4], (2, 2, 7, 4, True, True)),
            ("?cursor=c1&limit=2", [1], (4, 2, 7, 4, False, True)),
            ("?cursor=c0&limit=2", [], (4, 2, 7, 4, False, True)),
            ("?cursor=c7&limit=2", [7, 6], (1, 2, 7, 4, True, False)),
            ("?cursor=c8&limit=2", [7], (1, 2, 7, 4, True, False)),
            ("?cursor=cfffffffffffffff&limit=2", [7], (1, 2, 7, 4, True, False)),
        ],
    )
    def test_a_page_is_a_range_of_the_sequence(self, query: str, shown: list[int], pagination: tuple[Any, ...]) -> None:
        account = account_with(7)

        body = read(account, f"{TRANSACTIONS}{query}")

        assert amounts(body) == shown
        assert tuple(body["pagination"].values()) == pagination

    @pytest.mark.parametrize("query", ["", "?page=3", "?cursor=c1", "?cursor=cff&limit=1"])
    def test_an_account_without_transactions_has_an_empty_page(self, query: str) -> None:
        account = opened_account()

        body = read(account, f"{TRANSACTIONS}{query}")

        assert body["data"] == []
        assert body["pagination"]["total"] == body["pagination"]["pages"] == 0
        assert body["pagination"]["has_next"] is False
        assert body["links"]["next"] is None

    @pytest.mark.parametrize(
        "query",
        ["page=0", "page=-1", "page=", "page=x", "page=1.0", "page=1_0", "page=%2B1", "page=%201", "page=0x1", "page=١",
         "page=1000000000001", f"page={'9' * 5000}", "limit=0", "limit=1001", "limit=", "limit=ten", "limit=null",
         "cursor=", "cursor=c", "cursor=5", "cursor=C5", "cursor=c-1", "cursor=cg", f"cursor=c{'1' * 33}",
         "cursor=c5%0A", "cursor=null", "cursor=c5%00"],
    )  # fmt: skip
    def test_what_is_no_page_limit_or_cursor_is_refused(self, query: str) -> None:
        account = account_with(1)

        response = ask_for(account, f"{TRANSACTIONS}?{query}")

        assert refusal(response) == (422, "VALIDATION_ERROR")
        fields = [problem["field"] for problem in response.json()["error"]["details"]["validation_errors"]]
        assert fields == [query.partition("=")[0]]


@pytest.mark.django_db
class TestLinks:
    @pytest.mark.parametrize(
        "query", ["limit=2", "limit=2&page=2", "limit=2&page=3", "limit=2&page=9", "limit=2&cursor=c3"]
    )
    def test_every_link_repeats_the_callers_limit(self, query: str) -> None:
        account = account_with(5)

        links = read(account, f"{TRANSACTIONS}?{query}")["links"]

        assert tuple(links) == LINKS
        assert {tuple(parse_qs(urlsplit(link).query)["limit"]) for link in links.values() if link} == {("2",)}

    def test_next_leads_over_every_row_once(self) -> None:
        account = account_with(7)

        pages = walk(account, start=f"{TRANSACTIONS}?limit=3", by="next")

        assert pages == [[7, 6, 5], [4, 3, 2], [1]]

    def test_previous_leads_back_over_the_same_pages(self) -> None:
        account = account_with(7)

        pages = walk(account, start=f"{TRANSACTIONS}?limit=3&page=3", by="previous")

        assert pages == [[1], [4, 3, 2], [7, 6, 5]]

    def test_previous_leads_from_beyond_the_end_to_the_last_page(self) -> None:
        account = account_with(7)

        links = read(account, f"{TRANSACTIONS}?limit=3&page=9")["links"]

        assert amounts(read(account, links["previous"])) == [1]

    def test_first_and_last_lead_to_the_ends(self) -> None:
        account = account_with(7)

        links = read(account, f"{TRANSACTIONS}?limit=3&page=2")["links"]

        assert amounts(read(account, links["first"])) == [7, 6, 5]
        assert amounts(read(account, links["last"])) == [1]

    @pytest.mark.parametrize("query", ["limit=3&page=2", "limit=3&cursor=c5", "page=9"])
    def test_self_leads_to_the_same_rows(self, query: str) -> None:
        account = account_with(7)
        body = read(account, f"{TRANSACTIONS}?{query}")

        again = read(account, body["links"]["self"])

        assert amounts(again) == amounts(body)

    def test_next_goes_on_steadily_while_rows_arrive(self) -> None:
        account = account_with(7)
        seen: list[int] = []
        address: str | None = f"{TRANSACTIONS}?limit=2"

        while address is not None:
            body = read(account, address)
            seen += amounts(body)
            address = body["links"]["next"]
            add(account, first=100, last=102)

        assert seen == [7, 6, 5, 4, 3, 2, 1]

    def test_previous_leads_to_what_has_arrived_meanwhile_and_skips_nothing(self) -> None:
        account = account_with(4)
        body = read(account, f"{TRANSACTIONS}?limit=2&page=2")
        add(account, first=5, last=7)

        pages = walk(account, start=body["links"]["previous"], by="previous")

        assert pages == [[4, 3], [6, 5], [7]]

    def test_a_cursor_of_one_account_is_only_a_place_in_anothers_own_history(self) -> None:
        account, another = account_with(3), account_with(9)
        cursor = read(another, f"{TRANSACTIONS}?limit=2")["links"]["next"]

        body = read(account, cursor)

        own = {str(row.id) for row in account.transactions.all()}
        assert {row["id"] for row in body["data"]} <= own


class TestArithmetic:
    @given(total=st.integers(0, 200), limit=st.integers(1, 60))
    def test_the_pages_cover_every_sequence_once(self, total: int, limit: int) -> None:
        pages = [numbered_page(number, limit=limit, total=total) for number in range(1, -(-total // limit) + 1)]

        covered = [sequence for page in pages for sequence in range(page.up_to, page.above, -1)]

        assert covered == list(range(total, 0, -1))
        assert [page.number for page in pages] == list(range(1, len(pages) + 1))

    @given(cursor=st.integers(0, 16**15 - 1), limit=st.integers(1, 1000), total=st.integers(0, 10**15))
    def test_any_cursor_is_a_page_of_the_history_no_longer_than_the_limit(
        self, cursor: int, limit: int, total: int
    ) -> None:
        page = page_from(cursor, limit=limit, total=total)

        assert 0 <= page.up_to - page.above <= limit
        assert page.above <= total
        assert 1 <= page.number <= max(page.pages, 1) + 1

    @given(st.integers(0, 16**15 - 1))
    def test_a_cursor_is_read_as_it_was_written(self, sequence: int) -> None:
        assert read_cursor(written_cursor(sequence)) == sequence


@pytest.mark.servers
@pytest.mark.django_db
@pytest.mark.parametrize("query", ["page=1", "page=300", "cursor=c1388"])
def test_postgresql_reads_any_page_by_the_index_of_the_sequence(query: str) -> None:
    account = opened_account()
    for first in range(1, 5001, 1000):
        add(account, first=first, last=first + 999)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE credit_transactions")

    with CaptureQueriesContext(connection) as captured:
        read(account, f"{TRANSACTIONS}?limit=10&{query}")

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {captured[1]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using transaction_sequence_once" in plan
    assert "rows=10" in plan
    assert "Sort" not in plan
    assert "Filter" not in plan
