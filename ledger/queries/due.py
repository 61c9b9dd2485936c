"""What is due on accounts and not posted yet, worked out by the rules that will post it, without writing anything."""

from collections.abc import Collection
from uuid import UUID

from ledger import dialect
from ledger.dialect import UUID_, Columns
from ledger.policy import current_policy
from ledger.queries.statement import rows_of
from ledger.rules import plan
from ledger.rules.batch import Books, Plan
from ledger.rules.state import AccountState
from ledger.snapshot import snapshot
from ledger.states import ACCOUNT, account_states, attach, recorded_rows

MERCHANT: Columns = {"merchant_id": UUID_}


def books_of(merchant_ids: Collection[UUID]) -> Books:
    """These merchants' accounts as the journal would load them, without their locks; those that there are."""
    spoken = dialect.current()
    sql = (
        f"SELECT {', '.join(ACCOUNT)} FROM credit_accounts WHERE merchant_id IN "
        f"(SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)})"
    )
    with snapshot():
        rows = rows_of(sql, dialect.recordset(MERCHANT, zip(merchant_ids)))
        accounts = account_states(rows)
        attach(accounts)
        books = Books(now=spoken.clock(), accounts={account.merchant_id: account for account in accounts})
        books.recorded = recorded_rows(books)
    return books


def with_due(merchant_id: UUID) -> tuple[AccountState, Plan]:
    """The account as it stands once all that is due on it by now is posted, and what would be written for that.

    Raises KeyError where the merchant has none.
    """
    books = books_of([merchant_id])
    planned = plan([], books, current_policy())
    return books.accounts[merchant_id], planned


def states_with_due(merchant_ids: Collection[UUID]) -> dict[UUID, AccountState]:
    """The accounts as they stand once all that is due on them by now is posted, by merchant."""
    if not merchant_ids:
        return {}
    books = books_of(merchant_ids)
    plan([], books, current_policy())
    return books.accounts
