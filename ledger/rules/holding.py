"""A hold as the books keep it: credits that were set aside, for how long, and how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ledger.rules.lots import Allocations


class HoldStatus(StrEnum):
    """Whether a hold is open still, and if not, which resolution won."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(slots=True, kw_only=True)
class HoldState:
    """One hold; its id is that of the transaction that recorded it. took says which lots it is made of."""

    id: UUID
    account_id: UUID
    reference_type: str
    reference_id: str
    amount: int
    took: Allocations
    expires_at: datetime
    status: HoldStatus = HoldStatus.OPEN
    captured: int = 0
    resolved_at: datetime | None = None
    correlation_id: str
