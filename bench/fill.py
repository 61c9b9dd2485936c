"""python -m bench.fill ROWS ACCOUNTS: gives a migrated DATABASE_URL the merchants' accounts, and the first of them so
many rows between them, spread over a year that ended two weeks ago.

The rules make the rows, chained, lots burnt, and COPY writes them: what a service of some years has, whose events
have been published and pruned. Nothing is left out that a constraint or the audit looks at.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO

import django

django.setup()

from django.db import connection  # noqa: E402  (Django's tables are there only now)
from django.db.transaction import atomic  # noqa: E402
from pydantic_core import to_json  # noqa: E402

from bench import open_accounts  # noqa: E402
from ledger import dialect  # noqa: E402
from ledger.commands import ConsumeMatch  # noqa: E402
from ledger.dialect import JSON  # noqa: E402
from ledger.identifiers import new_correlation_id  # noqa: E402
from ledger.journal.inserting import rows_of, update_rows  # noqa: E402
from ledger.journal.outbox_upkeep import prune_published  # noqa: E402
from ledger.journal.write import MOVED, MOVED_LOT, TRANSACTION  # noqa: E402
from ledger.policy import current_policy  # noqa: E402
from ledger.requests import Request  # noqa: E402
from ledger.rules.batch import Books  # noqa: E402
from ledger.rules.bookkeeping import Bookkeeper  # noqa: E402
from ledger.rules.movements import movement_of  # noqa: E402
from ledger.rules.spending import consume  # noqa: E402
from ledger.rules.state import AccountState, Entry  # noqa: E402
from ledger.states import ACCOUNT, account_states, attach  # noqa: E402

YEAR = timedelta(days=365)
PRUNED = timedelta(days=14)  # longer ago than published events are kept (OUTBOX_RETENTION)
THEN = datetime.now(UTC) - PRUNED - YEAR
AT_ONCE = 1_000


def main(rows: int, account_count: int) -> None:
    """Fill the database."""
    dialect.PostgreSQL.clock = lambda _: THEN  # type: ignore[method-assign]
    open_accounts.main()
    accounts = _accounts()[:account_count]
    each, more = divmod(rows, len(accounts))
    for place, account in enumerate(accounts):
        _fill(account, each + (place < more))
    while prune_published(older_than=datetime.now(UTC) + timedelta(days=1), limit=10_000):
        pass


def _accounts() -> Sequence[AccountState]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(ACCOUNT)} FROM credit_accounts ORDER BY platform_shop_id::int")
        accounts = account_states(cursor.fetchall())
    attach(accounts)
    return accounts


def _fill(account: AccountState, rows: int) -> None:
    keeper = Bookkeeper(Books(now=THEN), current_policy())
    pause = YEAR / (rows + 1)
    with atomic():
        for start in range(0, rows, AT_ONCE):
            for number in range(start, min(start + AT_ONCE, rows)):
                keeper.books.now = THEN + pause * (number + 1)
                consume(keeper, account, movement_of(_request(account, number), keeper.policy), 1)
            _copy(keeper.plan.entries)
            keeper.plan.entries.clear()
            keeper.plan.events.clear()
            keeper.books.entered.clear()
        update_rows("credit_accounts", MOVED, rows_of([account], MOVED))
        update_rows("credit_lots", MOVED_LOT, rows_of(keeper.plan.lots.values(), MOVED_LOT))


def _request(account: AccountState, number: int) -> Request:
    match = ConsumeMatch.model_construct(
        merchant_id=account.merchant_id,
        match_id=f"long-ago-{account.merchant_id}-{number}",
        shopper_id=f"shopper-{number % 97}",
        matched_items_count=number % 9,
    )
    return Request(match, new_correlation_id())


def _copy(entries: Iterable[Entry]) -> None:
    lines = StringIO("".join(map(_line, rows_of(entries, TRANSACTION))))
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY credit_transactions ({', '.join(TRANSACTION)}) FROM STDIN", lines)


def _line(row: Sequence[object]) -> str:
    return "\t".join(_texts(row)) + "\n"


def _texts(row: Sequence[object]) -> Iterator[str]:
    for value, type_ in zip(row, TRANSACTION.values(), strict=True):
        if value is None:
            yield r"\N"
        elif type_ == JSON:
            yield to_json(value).decode().replace("\\", "\\\\")
        else:
            yield str(value)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
