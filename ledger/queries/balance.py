"""Accounts as the outside sees them: whose they are, what they hold, and how far their books go."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from ledger import dialect
from ledger.queries.connection import asked_again_if_lost
from ledger.queries.due import MERCHANT, states_with_due, with_due
from ledger.queries.prepared import rows_prepared
from ledger.queries.statement import rows_of, uuid_of
from ledger.rules.state import AccountState

_COLUMNS = (
    "id, merchant_id, platform_name, shop_domain, balance, held, total_granted, total_consumed, total_expired, "
    "sequence, frozen"
)
_OF_MERCHANT = "WHERE merchant_id = %s"
_OF_DOMAIN = "WHERE platform_name IN ({}) AND shop_domain = %s ORDER BY created_at DESC, id DESC"


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account at one moment, with all that is due by then. Amounts are whole credits.

    held is what open holds have set aside of the balance; sequence counts the posted transactions. is_watched says
    whether anything of it will fall due, is_overdue whether something has that nobody has posted yet.
    """

    id: UUID
    merchant_id: UUID
    platform_name: str
    shop_domain: str
    balance: int
    held: int
    total_granted: int
    total_consumed: int
    total_expired: int
    sequence: int
    frozen: bool
    is_watched: bool
    is_overdue: bool

    @property
    def available(self) -> int:
        """What can be consumed or held."""
        return self.balance - self.held


@asked_again_if_lost
def account_of_merchant(merchant_id: UUID) -> AccountBalance | None:
    """The merchant's account, or None."""
    rows = rows_prepared(_select(_OF_MERCHANT), [merchant_id.hex])
    return _account(rows[0]) if rows else None


@asked_again_if_lost
def accounts_of_merchants(merchant_ids: Collection[UUID]) -> dict[UUID, AccountBalance]:
    """The accounts of these merchants, by merchant; by the same few statements for one as for many."""
    spoken = dialect.current()
    of_these = f"WHERE merchant_id IN (SELECT {spoken.column('merchant_id')} FROM {spoken.source(MERCHANT)})"
    rows = rows_of(_select(of_these), dialect.recordset(MERCHANT, zip(merchant_ids)))
    accounts = {account.merchant_id: account for account in map(_stored, rows)}
    due = states_with_due([account.merchant_id for account in accounts.values() if account.is_overdue])
    return accounts | {merchant: _with_due(accounts[merchant], state) for merchant, state in due.items()}


@asked_again_if_lost
def accounts_of_domain(shop_domain: str, *, platform_names: Sequence[str]) -> list[AccountBalance]:
    """Every account of a shop's domain on these platforms, the newest-opened first.

    A domain has several where its shop was installed again as another merchant, or on another platform. The platforms
    are named even where all of them are meant, since the index leads with them.
    """
    marks = ", ".join(["%s"] * len(platform_names))
    rows = rows_prepared(_select(_OF_DOMAIN.format(marks)), [*platform_names, shop_domain])
    return [_account(row) for row in rows]


def _select(condition: str) -> str:
    overdue = dialect.current().has_passed("next_due_at")
    due = f"next_due_at IS NOT NULL, {overdue}"
    return f"SELECT {_COLUMNS}, {due} FROM credit_accounts {condition}"


def _account(row: tuple[Any, ...]) -> AccountBalance:
    account = _stored(row)
    return _with_due(account, with_due(account.merchant_id)[0]) if account.is_overdue else account


def _stored(row: tuple[Any, ...]) -> AccountBalance:
    identifier, merchant_id, *rest = row
    return AccountBalance(uuid_of(identifier), uuid_of(merchant_id), *rest)


def _with_due(account: AccountBalance, state: AccountState) -> AccountBalance:
    """The account with what has fallen due since anybody posted on it; its history holds posted rows alone."""
    return replace(
        account,
        balance=state.balance,
        held=state.held,
        total_granted=state.total_granted,
        total_consumed=state.total_consumed,
        total_expired=state.total_expired,
    )
