"""What is due on an account and not posted yet, worked out by the rules that will post it, without writing anything."""

from uuid import UUID

from ledger import dialect
from ledger.policy import current_policy
from ledger.queries.statement import rows_of
from ledger.rules import plan
from ledger.rules.batch import Books, Plan
from ledger.rules.state import AccountState
from ledger.snapshot import snapshot
from ledger.states import ACCOUNT, account_states, attach, recorded_rows

_ACCOUNT = f"SELECT {', '.join(ACCOUNT)} FROM credit_accounts WHERE merchant_id = %s"


def books_of(merchant_id: UUID) -> Books:
    """A merchant's account as the journal would load it, without its lock. Raises KeyError where there is none."""
    with snapshot():
        rows = rows_of(_ACCOUNT, [merchant_id.hex])
        if not rows:
            raise KeyError(merchant_id)
        (account,) = account_states(rows)
        attach([account])
        books = Books(now=dialect.current().clock(), accounts={merchant_id: account})
        books.recorded = recorded_rows(books)
    return books


def with_due(merchant_id: UUID) -> tuple[AccountState, Plan]:
    """The account as it stands once all that is due on it by now is posted, and what would be written for that."""
    books = books_of(merchant_id)
    planned = plan([], books, current_policy())
    return books.accounts[merchant_id], planned
