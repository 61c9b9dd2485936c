"""The picture beside the table: each row's ratio, and the one that is wanted, on a scale of doublings."""

import re
from dataclasses import dataclass
from html import escape
from math import log2
from pathlib import Path

FILE = Path(__file__).with_name("RESULTS.svg")
CELLS = re.compile(r" \| ")
WANTED = re.compile(r"(?P<how>at least|at most) (?P<ratio>[\d.]+): (?P<judged>met|short)")
LOWEST, HIGHEST = -3, 6  # doublings: an eighth to 64 times
LEFT, UNIT, LINE, TOP = 90, 70, 26, 40
COLOURS = {"met": "#2e7d32", "short": "#c62828", "": "#607d8b"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the table, as it is drawn."""

    number: str
    ratio: float
    wanted: float | None
    judged: str


def bars(lines: list[str]) -> list[Bar]:
    """The table's lines as bars."""
    return [_bar(CELLS.split(line.removeprefix("| ").removesuffix(" |"))) for line in lines]


def _bar(cells: list[str]) -> Bar:
    number, ratio, wanted = cells[0], float(cells[4]), WANTED.match(cells[6])
    if wanted is None:
        return Bar(number, ratio, None, "")
    return Bar(number, ratio, float(wanted["ratio"]), wanted["judged"])


def draw(lines: list[str]) -> str:
    """An SVG of all lines: a bar from 1 to the ratio, a mark at what is wanted."""
    drawn = [part for place, bar in enumerate(bars(lines)) for part in _drawn(bar, TOP + place * LINE)]
    width, height = LEFT + (HIGHEST - LOWEST) * UNIT + 60, TOP + len(lines) * LINE + 16
    scale = [part for doublings in range(LOWEST, HIGHEST + 1) for part in _tick(doublings, height)]
    style = "<style>text{font:12px sans-serif;fill:#263238}</style><rect width='100%' height='100%' fill='#fff'/>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    title = "<title>Ratio of each row of RESULTS.md; the mark is what is wanted of it</title>"
    return "\n".join([head, title, style, *scale, *drawn, "</svg>", ""])


def _x(ratio: float) -> float:
    return LEFT + (min(max(log2(ratio), LOWEST), HIGHEST) - LOWEST) * UNIT


def _tick(doublings: int, height: int) -> list[str]:
    x, colour = _x(2.0**doublings), "#455a64" if doublings == 0 else "#cfd8dc"
    return [
        f'<line x1="{x}" x2="{x}" y1="26" y2="{height - 12}" stroke="{colour}"/>',
        f'<text x="{x}" y="18" text-anchor="middle">{2.0**doublings:g}</text>',
    ]


def _drawn(bar: Bar, y: int) -> list[str]:
    start, end = sorted((_x(1.0), _x(bar.ratio)))
    parts = [
        f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(bar.number)}</text>',
        f'<rect x="{start}" y="{y}" width="{max(end - start, 1):.1f}" height="16" fill="{COLOURS[bar.judged]}"/>',
        f'<text x="{max(end, _x(1.0)) + 6:.1f}" y="{y + 13}">{bar.ratio:.2f}</text>',
    ]
    if bar.wanted is not None:
        x = _x(bar.wanted)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + 19}" stroke="#000" stroke-width="2"/>')
    return parts
