"""Growth: what a series of samples is soon after its start and at its end, and whether it has grown without bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.row import Wrong

MOST_MEMORY = 1.1  # times what it was


@dataclass(frozen=True, slots=True)
class Growth:
    """Two medians of one series."""

    earlier: float
    later: float

    @property
    def ratio(self) -> float:
        return self.later / self.earlier


def first_to_last_tenth(series: Sequence[float]) -> Growth:
    """The first tenth against the last. Raises Wrong where they are too few to say."""
    return Growth(median(_tenth(series, 0)), median(_tenth(series, 9)))


def after_first_tenth(series: Sequence[float]) -> Growth:
    """What it was once a tenth had passed, which is the second tenth, against the last. Raises Wrong as above."""
    return Growth(median(_tenth(series, 1)), median(_tenth(series, 9)))


def check_memory(name: str, grown: Growth) -> None:
    """Raise Wrong where a process has come to hold too much more."""
    if grown.ratio > MOST_MEMORY:
        raise Wrong(f"{name} has grown from {grown.earlier:.1f} MB to {grown.later:.1f} MB")


def check_bounded(name: str, grown: Growth, *, slack: float) -> None:
    """Raise Wrong where it has more than doubled, and by more than the slack that it swings by anyway."""
    if grown.later > 2 * grown.earlier + slack:
        raise Wrong(f"{name} has grown from {grown.earlier:.2f} to {grown.later:.2f}")


def _tenth(series: Sequence[float], number: int) -> Sequence[float]:
    found = series[len(series) * number // 10 : len(series) * (number + 1) // 10]
    if not found:
        raise Wrong(f"{len(series)} samples are too few")
    return found
