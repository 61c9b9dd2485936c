"""One merchant's ledger on paper, told hour by hour: what tests of lots, holds and reversals begin with."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.commands import Command, Grant
from ledger.outcomes import Outcome
from ledger.rules.state import AccountState, Entry, Policy
from tests.ledger.builders import grant, merchant, open_account, request
from tests.ledger.paper import PaperLedger
from tests.ledger.sequences import HOUR, NOW

OURS = merchant(1)


def at(hours: float) -> datetime:
    """The moment so many hours after the beginning."""
    return NOW + hours * HOUR


class Merchant:
    """A ledger with one open account at 0; hours count from the beginning."""

    def __init__(self, **policy: Any) -> None:
        defaults = {"low_balance_threshold": 0, "expiring_soon": timedelta(hours=1)}
        self.ledger = PaperLedger(Policy(**{**defaults, **policy}))
        self.tell(open_account(merchant_id=OURS))

    def tell(self, *commands: Command, hours: float = 0) -> Outcome:
        """Post commands as one batch; the last one's outcome."""
        return self.ledger.post(*(request(command) for command in commands), now=at(hours))[-1]

    def lot(self, name: str, amount: int = 10, *, hours: float = 0, **fields: Any) -> Grant:
        """Grant credits with that reference id; effective_at and expires_at in hours."""
        for moment in ("effective_at", "expires_at"):
            if fields.get(moment) is not None:
                fields[moment] = at(fields[moment])
        command = grant(merchant_id=OURS, reference_id=name, amount=amount, **fields)
        self.tell(command, hours=hours)
        return command

    def beat(self, hours: float) -> None:
        """Post what is due by then."""
        self.ledger.post_due(now=at(hours))

    @property
    def account(self) -> AccountState:
        return self.ledger.accounts[OURS]

    @property
    def newest(self) -> Entry:
        return self.ledger.entries[-1]

    def left(self) -> dict[str, int]:
        """What is left of each lot."""
        return {lot.reference_id: lot.remaining for lot in self.ledger.lots.values()}

    def took(self, entry: Entry) -> list[tuple[str, int]]:
        """Of which lots an entry took how much, or gave back."""
        return [(self.ledger.lots[lot_id].reference_id, part) for lot_id, part in entry.allocations]

    def told(self, name: str) -> list[dict[str, Any]]:
        """The data of the events of a type, by the middle of its name."""
        return [dict(e.data) for _, e in self.ledger.events if e.event_type == f"evt.credits.{name}.v1"]

    def times(self, name: str) -> list[float]:
        """When events of a type happened, in hours."""
        return [(e.occurred_at - NOW) / HOUR for _, e in self.ledger.events if e.event_type == f"evt.credits.{name}.v1"]

    def id_of(self, reference_id: str) -> UUID:
        """The id of the transaction with that reference id."""
        return next(entry.id for entry in self.ledger.entries if entry.reference_id == reference_id)
