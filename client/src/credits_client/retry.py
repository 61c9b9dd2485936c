"""How long the client keeps trying while the connection to the broker fails."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """attempts in all, the first included; waits between them double from the first to the longest, with jitter."""

    attempts: int = 5
    first_wait_seconds: float = 0.2
    longest_wait_seconds: float = 5.0

    def waits(self) -> Iterator[float]:
        """The seconds to wait before each further attempt: half of the full wait at least."""
        for doubling in range(self.attempts - 1):
            longest = min(self.longest_wait_seconds, self.first_wait_seconds * 2**doubling)
            yield longest * random.uniform(0.5, 1)  # noqa: S311  (spreads load, guards nothing)
