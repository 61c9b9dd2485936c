"""The hash chain: each account's rows in their order, every digest made anew from the row and the digest before it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.audit.finding import Finding
from ledger.audit.ordered import Ordered
from ledger.audit.scope import CHUNK_ROWS, Scope
from ledger.rules.chain import COVERED, START, content_digest, row_digest

Row = Mapping[str, Any]
COLUMNS = [*COVERED, "description", "metadata", "salt", "digest"]


def check_chain(scope: Scope) -> Iterator[Finding]:
    """No row was changed, taken out or put in behind the service's back: numbers, digests and heads say so."""
    ordered = scope.transactions.order_by("account_id", "number", "id").values(*COLUMNS)
    rows = Ordered(ordered.iterator(chunk_size=CHUNK_ROWS), key=lambda row: (row["account_id"], row["number"]))
    accounts = scope.accounts.values("id", "rows", "head")
    for account in accounts.iterator(chunk_size=CHUNK_ROWS):
        number, head = 0, START
        for row in rows.up_to((account["id"], float("inf"))):
            if row["account_id"] == account["id"]:
                yield from _breaks(row, number, head)
                number, head = row["number"], row["digest"]
        yield from _end(account, number, head)


def _breaks(row: Row, number: int, head: str) -> Iterator[Finding]:
    """What is wrong with a row that follows the one of this number, whose digest was head."""
    if row["number"] != number + 1:
        yield _finding(row, "number by the row before", number + 1, row["number"])
    digest = row_digest(head, row)
    if digest != row["digest"]:
        yield _finding(row, "digest of what it says and of the row before", digest, row["digest"])
    is_erased = row["content_digest"] and not (row["salt"] or row["description"] or row["metadata"])
    content = content_digest(row["description"], row["metadata"], salt=row["salt"])
    if content != row["content_digest"] and not is_erased:
        yield _finding(row, "content_digest of its description and metadata", content, row["content_digest"])


def _end(account: Row, number: int, head: str) -> Iterator[Finding]:
    for column, value in {"rows": number, "head": head}.items():
        if account[column] != value:
            what = f"{column} by its newest row"
            expected, found = value or "none", account[column] or "none"
            yield Finding(table="credit_accounts", row=account["id"], what=what, expected=expected, found=found)


def _finding(row: Row, what: str, expected: Any, found: Any) -> Finding:
    return Finding(
        table="credit_transactions", row=row["id"], what=what, expected=expected or "none", found=found or "none"
    )
