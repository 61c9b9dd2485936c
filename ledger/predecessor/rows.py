"""What the predecessor's two tables hold, and what there is to say of a row that can't be taken as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class OldAccount:
    """A row of the predecessor's accounts; balance in whole credits."""

    id: UUID
    merchant_id: UUID
    platform_name: str
    platform_shop_id: str
    shop_domain: str
    balance: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OldTransaction:
    """A row of the predecessor's transactions. It took no lock: balances need not follow from the row before."""

    id: UUID
    merchant_id: UUID
    amount: int
    is_credit: bool
    balance_before: int
    balance_after: int
    reference_type: str
    reference_id: str
    description: str
    metadata: Mapping[str, Any]
    created_at: datetime

    @property
    def change(self) -> int:
        """What it adds to a balance."""
        return self.amount if self.is_credit else -self.amount

    @property
    def adds_up(self) -> bool:
        """Whether its balance after is its balance before and its amount."""
        return self.balance_after == self.balance_before + self.change


class Reason(StrEnum):
    """Why a row is reported: a closed list."""

    # The account was moved in, and this of it is not as it was.
    OPENING = "opening"  # a row of ours before the others
    CLOSING = "closing"  # a row of ours after the others
    RECOMPUTED = "balance_recomputed"
    REFERENCE = "reference_replaced"
    NOTHING_MOVED = "amount_of_0_left_out"
    MERCHANT = "merchant_differs_from_the_accounts"
    DESCRIPTION = "description_cut"
    # It was not.
    BAD_FIELD = "bad_field"
    NO_ACCOUNT = "no_account"
    TAKEN = "merchant_has_another_account"


REFUSALS = frozenset({Reason.BAD_FIELD, Reason.NO_ACCOUNT, Reason.TAKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One reported row; table and row are the predecessor's, row its id or, where that can't be read, its line."""

    reason: Reason
    table: str
    row: str
    account_id: str
    detail: str

    def as_json(self) -> dict[str, str]:
        return {
            "reason": str(self.reason),
            "table": self.table,
            "row": self.row,
            "account_id": self.account_id,
            "detail": self.detail,
        }


class BadRow(Exception):
    """A row that can't be read: which one, which field, and why."""

    def __init__(self, *, table: str, row: str, field: str, why: str) -> None:
        super().__init__(f"{table} {row}: {field}: {why}")
        self.table, self.row, self.field, self.why = table, row, field, why
