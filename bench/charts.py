"""Charts: lines over the same places, their heights on a scale of tenfolds, as one SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT, MARGIN, HEAD, INSET = 380, 260, 60, 44, 20
COLOURS = ("#1565c0", "#2e7d32", "#c62828")


@dataclass(frozen=True, slots=True)
class Chart:
    """What grows below, what is measured above it, and by each line's name a figure for each place."""

    below: str
    above: str
    places: Sequence[str]
    lines: Mapping[str, Sequence[float]]


def draw(title: str, charts: Sequence[Chart]) -> str:
    """An SVG of all charts, two beside each other."""
    width, height = min(2, len(charts)) * WIDTH, (len(charts) + 1) // 2 * HEIGHT
    drawn = [part for place, chart in enumerate(charts) for part in _drawn(chart, *divmod(place, 2))]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    style = "<style>text{font:12px sans-serif;fill:#263238}</style><rect width='100%' height='100%' fill='#fff'/>"
    return "\n".join([head, f"<title>{escape(title)}</title>", style, *drawn, "</svg>", ""])


def _drawn(chart: Chart, line: int, column: int) -> Iterator[str]:
    left, top, bottom = column * WIDTH + MARGIN, line * HEIGHT + HEAD, (line + 1) * HEIGHT - MARGIN
    right = (column + 1) * WIDTH - MARGIN / 2
    figures = [figure for of_line in chart.lines.values() for figure in of_line]
    lowest, highest = floor(log10(min(figures))), ceil(log10(max(figures)))
    step = (right - left - 2 * INSET) / max(1, len(chart.places) - 1)
    across = [left + INSET + step * n for n in range(len(chart.places))]

    def height(figure: float) -> float:
        return bottom - (log10(figure) - lowest) / max(1, highest - lowest) * (bottom - top)

    yield f'<text x="{(left + right) / 2}" y="{bottom + 42}" text-anchor="middle">{escape(chart.below)}</text>'
    yield f'<text x="{left - 40}" y="{top - 24}">{escape(chart.above)}</text>'
    for tenfold in range(lowest, highest + 1):
        y = height(10.0**tenfold)
        yield f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#cfd8dc"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**tenfold:,g}</text>'
    for x, place in zip(across, chart.places, strict=True):
        yield f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle">{escape(place)}</text>'
    for number, (name, of_line) in enumerate(chart.lines.items()):
        colour, points = COLOURS[number], list(zip(across, map(height, of_line), strict=True))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for (x, y), figure in zip(points, of_line, strict=True):
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            beside = y - 8 if len(chart.lines) == 1 or number % 2 else y + 17
            yield f'<text x="{x:.1f}" y="{beside:.1f}" text-anchor="middle">{_short(figure)}</text>'
        if len(chart.lines) > 1:
            yield f'<text x="{left + 6}" y="{top + 2 + 16 * number}" style="fill:{colour}">{escape(name)}</text>'


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 10 else f"{figure:.1f}"
