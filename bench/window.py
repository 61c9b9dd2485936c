"""The window: what was done per second between 10 % and 90 % of a backlog, so that neither start nor end counts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.meter import FIRST_SHARE, LAST_SHARE, Meter
from bench.row import Wrong

POLL_SECONDS = 0.05  # each look at the books takes PostgreSQL a third of a millisecond or so
STUCK_AFTER_SECONDS = 60.0

Moment = float  # seconds, of whichever clock the progress is read by


@dataclass(frozen=True, slots=True)
class Window:
    """From one moment at which progress was seen to another, and what was done meanwhile."""

    since: Moment
    until: Moment
    done: int

    @property
    def per_second(self) -> float:
        return self.done / (self.until - self.since)


def watch(progress: Callable[[], tuple[Moment, int]], *, total: int, meter: Meter | None = None) -> Window:
    """Ask how much is done until all is; returns the window. Raises Wrong where nothing moves for a minute.

    progress gives the moment and the count. A meter looks at the same processes in the same window.
    """
    seen: list[tuple[Moment, int]] = []
    moved_at = time.monotonic()
    while not seen or seen[-1][1] < total:
        moment, done = progress()
        if meter:
            meter.look(done / total, done)
        if not seen or done != seen[-1][1]:
            seen.append((moment, done))
            moved_at = time.monotonic()
        if time.monotonic() - moved_at > STUCK_AFTER_SECONDS:
            raise Wrong(f"stuck at {done} of {total}")
        time.sleep(POLL_SECONDS)
    if seen[-1][1] > total:
        raise Wrong(f"{seen[-1][1]} done of {total} asked")
    return _between(seen, total)


def _between(seen: Sequence[tuple[Moment, int]], total: int) -> Window:
    """Both ends are moments at which the count had just moved: between two of those, whole batches were done."""
    since, first = next(step for step in seen if step[1] >= total * FIRST_SHARE)
    until, last = next(step for step in seen if step[1] >= total * LAST_SHARE)
    if last == first:
        raise Wrong(f"{total} messages are too few: they were done between two looks")
    return Window(since, until, last - first)
