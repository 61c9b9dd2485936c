"""The finding: one thing that is not as it must be, and where."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID


class Severity(StrEnum):
    """What a finding means for the books."""

    WRONG = "wrong"  # the books are corrupt
    WARNING = "warning"  # the books are right, but somebody should look


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row that is wrong: its table and id (ALL where the finding is about the table as a whole), and how."""

    table: str
    row: UUID | str
    what: str
    expected: Any
    found: Any
    severity: Severity = Severity.WRONG

    def __str__(self) -> str:
        return f"{self.severity}: {self.table} {self.row}: {self.what}: expected {self.expected}, found {self.found}"


ALL = "(all rows)"
