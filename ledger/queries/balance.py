"""Accounts as the outside sees them: whose they are, what they hold, and how far their books go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ledger.queries.connection import asked_again_if_lost
from ledger.queries.statement import rows_of, uuid_of

_SELECT = (
    "SELECT id, platform_name, shop_domain, balance, total_granted, total_consumed, sequence FROM credit_accounts "
)
_OF_MERCHANT = _SELECT + "WHERE merchant_id = %s"
_OF_DOMAIN = _SELECT + "WHERE platform_name IN ({}) AND shop_domain = %s ORDER BY created_at DESC, id DESC"


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """One account at one moment. Amounts are whole credits; sequence counts its posted transactions."""

    id: UUID
    platform_name: str
    shop_domain: str
    balance: int
    total_granted: int
    total_consumed: int
    sequence: int


@asked_again_if_lost
def account_of_merchant(merchant_id: UUID) -> AccountBalance | None:
    """The merchant's account, or None."""
    rows = rows_of(_OF_MERCHANT, [merchant_id.hex])
    return _account(rows[0]) if rows else None


@asked_again_if_lost
def accounts_of_domain(shop_domain: str, *, platform_names: Sequence[str]) -> list[AccountBalance]:
    """Every account of a shop's domain on these platforms, the newest-opened first.

    A domain has several where its shop was installed again as another merchant, or on another platform. The platforms
    are named even where all of them are meant, since the index leads with them.
    """
    marks = ", ".join(["%s"] * len(platform_names))
    rows = rows_of(_OF_DOMAIN.format(marks), [*platform_names, shop_domain])
    return [_account(row) for row in rows]


def _account(row: tuple[Any, ...]) -> AccountBalance:
    identifier, *rest = row
    return AccountBalance(uuid_of(identifier), *rest)
