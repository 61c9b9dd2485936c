"""The terms of a request: what it says beyond amount and reference, as it is kept on its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.events import rfc3339
from ledger.fields import DEFAULT_PRIORITY, Category, OnShortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class LotTerms:
    """What kind of lot a credit opens; effective_at is None for at once, expires_at None for never."""

    category: Category = Category.PROMOTIONAL
    priority: int = DEFAULT_PRIORITY
    effective_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of a credit its lot's; of a hold its seconds; of a capture, release or reversal what it aims at.

    imported is what the predecessor's row said where this one does not say the same.
    """

    lot: LotTerms | None = None
    expires_in_s: int | None = None
    target: tuple[str, str] | None = None
    on_shortfall: OnShortfall | None = None
    imported: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The terms as plain JSON values, without those that were not given."""
        if self is PLAIN:
            return {}
        given: dict[str, Any] = {
            "expires_in_s": self.expires_in_s,
            "target": self.target and list(self.target),
            "on_shortfall": self.on_shortfall and str(self.on_shortfall),
            "imported": self.imported,
        }
        if self.lot is not None:
            given |= {
                "category": str(self.lot.category),
                "priority": self.lot.priority,
                "effective_at": self.lot.effective_at and rfc3339(self.lot.effective_at),
                "expires_at": self.lot.expires_at and rfc3339(self.lot.expires_at),
            }
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Terms":
        """The terms out of what as_json gave."""
        lot = None
        if "category" in stored:
            lot = LotTerms(
                category=Category(stored["category"]),
                priority=stored["priority"],
                effective_at=_moment(stored.get("effective_at")),
                expires_at=_moment(stored.get("expires_at")),
            )
        target = stored.get("target")
        on_shortfall = stored.get("on_shortfall")
        return cls(
            lot=lot,
            expires_in_s=stored.get("expires_in_s"),
            target=(target[0], target[1]) if target else None,
            on_shortfall=OnShortfall(on_shortfall) if on_shortfall else None,
        )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


PLAIN = Terms()
