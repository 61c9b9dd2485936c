"""Charts: figures as shapes that the page draws without any script, and in words for those who can't see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.queries.balance_over_time import LOOKED_THROUGH, POINTS, Point
from ledger.templatetags.ledger_display import moment

WIDTH, HEIGHT = 600, 120  # in the drawing's own units; the page makes it as wide as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing: a line's path or bars, what stands at its ends, and what it says in words."""

    title: str
    words: str
    highest: str
    begin: str
    end: str
    line: str = ""
    bars: Sequence[tuple[float, float, float, float]] = ()  # x, y, width, height
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def drawn_height(self) -> int:
        """With room for a line's own thickness."""
        return self.height + 8


def balance_chart(points: Sequence[Point], *, transactions: int) -> Chart | None:
    """The balance over time as steps from one point to the next. None where there is none.

    transactions is how many there are: each has a point where there are no more than POINTS.
    """
    if not points:
        return None
    first, last = points[0], points[-1]
    balances = [point.balance for point in points]
    if transactions == 1:
        drawn = "after its only transaction"
    elif transactions <= POINTS:
        drawn = f"after each of its {transactions:,} transactions"
    elif transactions <= LOOKED_THROUGH:
        drawn = f"over all its {transactions:,} transactions, drawn at {len(points):,} moments"
    else:
        drawn = (
            f"over its newest {LOOKED_THROUGH:,} transactions, of {transactions:,} in all, "
            f"and at the {len(points):,} moments drawn"
        )
    return Chart(
        title="Balance over time",
        words=(
            f"{balances[-1]:,} credits since {moment(last.at)}; between {min(balances):,} and {max(balances):,} "
            f"{drawn}."
        ),
        highest=f"{max(balances):,}",
        begin=moment(first.at),
        end=moment(last.at),
        line=_steps(points),
    )


def pace_chart(counts: Sequence[int]) -> Chart:
    """Transactions a minute as bars, the oldest first."""
    top, width = max(*counts, 1), WIDTH / len(counts)
    bars = [
        (round(place * width, 1), HEIGHT - height, round(width * 0.8, 1), height)
        for place, count in enumerate(counts)
        if (height := round(HEIGHT * count / top, 1))
    ]
    return Chart(
        title="Posted per minute",
        words=f"{sum(counts):,} in {len(counts)} minutes, {max(counts):,} in the busiest one.",
        highest=f"{max(counts):,}",
        begin=f"{len(counts)} minutes ago",
        end="now",
        bars=bars,
    )


def _steps(points: Sequence[Point]) -> str:
    begin, top = points[0].at, max(*(point.balance for point in points), 1)
    seconds = (points[-1].at - begin).total_seconds() or 1.0
    places = [
        (
            round(WIDTH * (point.at - begin).total_seconds() / seconds, 1),
            round(HEIGHT - HEIGHT * point.balance / top, 1),
        )
        for point in points
    ]
    steps = "".join(f"H{x}V{y}" for x, y in places[1:])
    return f"M{places[0][0]},{places[0][1]}{steps}H{WIDTH}"
