"""The errors that a task's caller can meet."""

from typing import Any


class CommandParked(Exception):
    """The command can't be carried out as it is; a person must look. Carries the outcome."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Refusal(Exception):
    """A message is refused before it gets to the ledger: why, which field, and the detail."""

    def __init__(self, reason: str, *, field: str = "", detail: str = "") -> None:
        super().__init__(reason, field, detail)
        self.reason = reason
        self.field = field
        self.detail = detail

    def __str__(self) -> str:
        return ": ".join(part for part in (self.reason, self.field, self.detail) if part)
