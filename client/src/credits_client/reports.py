"""The report: what became of many commands that were sent at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from credits_client.commands import Command
from credits_client.errors import CreditsClientError
from credits_client.events import PlainEvent

# A command or event, or the name and fields of a command that is yet to be checked.
Sendable = Command | PlainEvent | tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Failure:
    """One that was not confirmed. position counts from 0 in the order in which they were given."""

    position: int
    what: Sendable
    error: CreditsClientError


@dataclass(slots=True)
class Report:
    """taken were taken from the caller; of these confirmed are with the broker, and the rest stand in failures."""

    taken: int = 0
    confirmed: int = 0
    failures: list[Failure] = field(default_factory=list)

    def raise_for_failures(self) -> None:
        """Raise SomeFailed where any was not confirmed."""
        if self.failures:
            raise SomeFailed(self)


class SomeFailed(CreditsClientError):
    """Not all of them were confirmed; report tells which, and why. Sending those again is safe."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        first = self.report.failures[0].error
        return (
            f"{len(self.report.failures)} of {self.report.taken} failed, the first with {type(first).__name__}: {first}"
        )


class Interrupted(CreditsClientError):
    """Sending many stopped early; report tells what became of those taken, the rest was never looked at.

    The cause is the error that stopped it: the connection's, the caller's own while it made the next command, or
    none where there were too many failures.
    """

    def __init__(self, report: Report, why: str) -> None:
        super().__init__(report, why)
        self.report = report
        self.why = why

    def __str__(self) -> str:
        report = self.report
        return f"{self.why}; {report.taken} taken, {report.confirmed} confirmed, {len(report.failures)} failed"
