"""The meter: what one message costs each program of CPU time, in the window in which rates are measured."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.process_tree import family

FIRST_SHARE, LAST_SHARE = 0.1, 0.9
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Meter:
    """CPU seconds of families of processes: by name, the one that started all others of its family."""

    roots: dict[str, int]
    _first: tuple[int, dict[str, float]] | None = field(default=None, init=False)
    _last: tuple[int, dict[str, float]] | None = field(default=None, init=False)

    def follow(self, processes: Mapping[str, int]) -> None:
        """Take in more families."""
        self.roots.update(processes)

    def look(self, share: float, done: int) -> None:
        """Note the processes' times where this share of a backlog, so many messages, is the first past either end."""
        if self._first is None and share >= FIRST_SHARE:
            self._first = (done, self._seconds())
        if self._last is None and share >= LAST_SHARE:
            self._last = (done, self._seconds())

    def microseconds(self) -> dict[str, float]:
        """By family, what one message took."""
        assert self._first is not None
        assert self._last is not None
        messages = self._last[0] - self._first[0]
        return {name: (self._last[1][name] - self._first[1][name]) * 1e6 / messages for name in self.roots}

    def _seconds(self) -> dict[str, float]:
        return {name: sum(map(seconds_of, {root, *family(root)})) for name, root in self.roots.items()}


def seconds_of(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended itself
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_SECOND
