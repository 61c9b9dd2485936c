"""The tally: what must have become of all that was sent, kept apart from anything that the service says or knows."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

Reference = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ledger must say of one reference; a row that moves nothing says nothing certain of its amount."""

    merchant: str
    status: str  # posted | recorded | declined
    operation: str  # credit | debit
    amount: int
    reason: str = ""


@dataclass(slots=True)
class Tally:
    """By reference, token or merchant: rows of the ledger, what waits, what is parked and why, and the rest."""

    rows: dict[Reference, Expected] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    parked: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)
    shops: dict[str, tuple[str, str]] = field(default_factory=dict)  # merchant: newest changed_at, its domain
    exhausted: set[str] = field(default_factory=set)  # merchants whose credits are all spent, below the threshold once
    fading: set[str] = field(default_factory=set)  # merchants whose credits have all expired
    sent: Counter[str] = field(default_factory=Counter)

    def expect(self, reference: Reference, expected: Expected) -> None:
        """A reference is claimed by the first request that names it."""
        self.rows.setdefault(reference, expected)

    def balances(self) -> dict[str, int]:
        """By merchant, what is left of all that was posted."""
        balances: defaultdict[str, int] = defaultdict(int)
        for row in self.rows.values():
            if row.status == "posted":
                balances[row.merchant] += row.amount if row.operation == "credit" else -row.amount
        return {merchant: 0 if merchant in self.fading else balance for merchant, balance in balances.items()}
