"""The row: one figure of the service and the one that it is held against, measured in turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from bench.stand import Stand


class Wrong(Exception):
    """A measurement that does not count: something was lost, left behind or answered wrongly. Says what."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Both figures of one turn, and pictures of what lies behind them."""

    figure: float
    reference: float
    pictures: Mapping[str, str] = field(default_factory=dict)  # SVGs by the names of their files

    @property
    def ratio(self) -> float:
        return self.figure / self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is measured, against what. A turn measures both, one after the other, and checks the books of each.

    A turn is given the stand and the scale: 1 is the full size, 0.2 a quick look. It raises Wrong where the
    measurement does not count.
    """

    number: str
    what: str
    against: str
    unit: str
    turn: Callable[[Stand, float], Pair]
    at_least: float | None = None  # the ratio that is wanted
    at_most: float | None = None
    most_turns: int = 1_000  # fewer where a turn takes very long

    def judged(self, ratio: float) -> str:
        """What is wanted of the ratio, and whether it is had."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}: {'met' if ratio >= self.at_least else 'short'}"
        if self.at_most is not None:
            return f"at most {self.at_most:g}: {'met' if ratio <= self.at_most else 'short'}"
        return ""


@dataclass(frozen=True, slots=True)
class Result:
    """A row's turns."""

    row: Row
    pairs: list[Pair]

    @property
    def figure(self) -> float:
        return median(pair.figure for pair in self.pairs)

    @property
    def reference(self) -> float:
        return median(pair.reference for pair in self.pairs)

    @property
    def ratio(self) -> float:
        """The median of the ratios of each turn: what slows the machine for a while slows both figures of a turn."""
        return median(pair.ratio for pair in self.pairs)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest ratio and the highest."""
        ratios = [pair.ratio for pair in self.pairs]
        return min(ratios), max(ratios)
