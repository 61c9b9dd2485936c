"""The statement: a period's transactions between an opening and a closing balance, streamed as CSV or JSON lines.

It holds posted transactions alone, oldest first, and is written while it is read, at the same memory whatever its
length: one whose closing line is missing was cut short.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query
from pydantic_core import to_json

from api.documents import headers, refusals
from api.parameters import Period
from api.shop import REFUSED, account_of, shop_router
from ledger.events import rfc3339
from ledger.queries.balance import AccountBalance
from ledger.queries.history import posted_in_order
from ledger.queries.moments import standings_after

CHUNK_ROWS = 1000
COLUMNS = (
    "line", "id", "created_at", "operation", "kind", "amount", "balance_before", "balance_after", "reference_type",
    "reference_id", "description", "metadata",
)  # fmt: skip
# A cell that begins so is a formula to a spreadsheet; an apostrophe before it makes it text (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

router = shop_router()

Line = dict[str, Any]


@router.get(
    "/credits/statement.csv",
    operation_id="read_statement_csv",
    summary="The statement of a period as CSV",
    response=refusals(*REFUSED, 422),
    openapi_extra=headers(200, *REFUSED, 422, content={"text/csv": {"schema": {"type": "string"}}}),
)
def read_statement_csv(request: HttpRequest, period: Query[Period]) -> StreamingHttpResponse:
    """An opening line, the period's transactions from the oldest on, and a closing line.

    A text that a spreadsheet would take for a formula has an apostrophe before it; JSON lines have it as it is.
    """
    return _streamed(request, period, _csv, media_type="text/csv; charset=utf-8", ending="csv")


@router.get(
    "/credits/statement.jsonl",
    operation_id="read_statement_jsonl",
    summary="The statement of a period as JSON lines",
    response=refusals(*REFUSED, 422),
    openapi_extra=headers(200, *REFUSED, 422, content={"application/jsonl": {"schema": {"type": "string"}}}),
)
def read_statement_jsonl(request: HttpRequest, period: Query[Period]) -> StreamingHttpResponse:
    """An opening line, the period's transactions from the oldest on, and a closing line, each an object."""
    return _streamed(request, period, _json_lines, media_type="application/jsonl; charset=utf-8", ending="jsonl")


def _streamed(
    request: HttpRequest,
    period: Period,
    written: Callable[[Iterable[Line]], Iterator[bytes]],
    *,
    media_type: str,
    ending: str,
) -> StreamingHttpResponse:
    account = account_of(request)
    lines = _lines(account, period, *period.bounds_in(account))
    response = StreamingHttpResponse(written(lines), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="credits-{account.shop_domain}.{ending}"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(account: AccountBalance, period: Period, above: int, up_to: int) -> Iterator[Line]:
    """The statement's lines: the transactions with above < sequence <= up_to between two balances."""
    stood = standings_after(account.id, {above, up_to})
    yield {"line": "opening", "created_at": period.begin, "balance_after": stood[above].balance}
    for begin in range(above, up_to, CHUNK_ROWS):
        for row in posted_in_order(account.id, above=begin, up_to=min(begin + CHUNK_ROWS, up_to)):
            yield {"line": "transaction", **row}
    yield {"line": "closing", "created_at": period.end, "balance_after": stood[up_to].balance}


def _json_lines(lines: Iterable[Line]) -> Iterator[bytes]:
    for line in lines:
        yield to_json(line, inf_nan_mode="null") + b"\n"


def _csv(lines: Iterable[Line]) -> Iterator[bytes]:
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow([_cell(line.get(column)) for column in COLUMNS])
        yield written.getvalue().encode()
        written.seek(0)
        written.truncate()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return to_json(value, inf_nan_mode="null").decode()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
