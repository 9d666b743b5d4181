"""Draws a run: acknowledged operations in each second, and what went wrong when, as an SVG file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

WIDTH, ROW_HEIGHT, ROW_S_MAX = 1200, 330, 330
"""A long run is drawn in several rows of equal length, so that the names of its faults have room."""
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 104, 26
HEAD, FOOT = 24, 20
GRID_LINES = 4
GRID_S = 20
STYLE = (
    "text{font:11px sans-serif;fill:#333}.t{font-size:15px}.m{fill:#c0392b;opacity:.16}"
    ".l{font-size:9px;fill:#8e2b20}.w{fill:none;stroke:#1f5fa8;stroke-width:1.2}"
    ".r{fill:none;stroke:#7aa874;stroke-width:1}.g{stroke:#ddd}"
)


class Mark(NamedTuple):
    """A fault: from its beginning until all was well."""

    name: str
    began_s: float
    well_s: float


def draw(title: str, writes: Sequence[int], reads: Sequence[int], marks: Sequence[Mark]) -> str:
    """The picture. One value a second in both sequences."""
    rows = max(1, math.ceil(len(writes) / ROW_S_MAX))
    row_s = max(1, math.ceil(len(writes) / rows))
    height = HEAD + rows * ROW_HEIGHT + FOOT
    top = max((*writes, *reads, 1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style><title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="{LEFT}" y="18">{escape(title)}</text>',
    ]
    for number in range(rows):
        row = _Row(number, HEAD + number * ROW_HEIGHT, row_s, top)
        parts += [*row.grid(), *row.bars(marks), *row.line("r", reads), *row.line("w", writes)]
    parts.append(
        f'<text x="{LEFT}" y="{height - 8}" style="fill:#1f5fa8">acknowledged writes a second</text>'
        f'<text x="{LEFT + 190}" y="{height - 8}" style="fill:#4d7a47">answered reads a second</text>'
        f'<text x="{LEFT + 360}" y="{height - 8}" style="fill:#8e2b20">from the beginning of a fault'
        " until all is well</text></svg>"
    )
    return "\n".join(parts) + "\n"


class _Row(NamedTuple):
    """Some minutes of the run."""

    number: int
    above: int
    seconds: int
    top_count: int

    @property
    def begin_s(self) -> int:
        return self.number * self.seconds

    def x(self, second: float) -> float:
        share = min(max((second - self.begin_s) / self.seconds, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, count: float) -> float:
        share = count / self.top_count
        return self.above + ROW_HEIGHT - BOTTOM - share * (ROW_HEIGHT - TOP - BOTTOM)

    def grid(self) -> Iterator[str]:
        for line in range(GRID_LINES + 1):
            count = self.top_count * line / GRID_LINES
            y = self.y(count)
            yield (
                f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count:,.0f}</text>'
            )
        first = math.ceil(self.begin_s / GRID_S) * GRID_S
        for second in range(first, self.begin_s + self.seconds, GRID_S):
            yield (
                f'<text x="{self.x(second):.1f}" y="{self.y(0) + 16:.1f}" text-anchor="middle">'
                f"{second} s</text>"
            )

    def bars(self, marks: Sequence[Mark]) -> Iterator[str]:
        end_s = self.begin_s + self.seconds
        for mark in marks:
            if mark.well_s <= self.begin_s or mark.began_s >= end_s:
                continue
            left, upper = self.x(mark.began_s), self.y(self.top_count)
            yield (
                f'<rect class="m" x="{left:.1f}" y="{upper:.1f}"'
                f' width="{max(self.x(mark.well_s) - left, 0.6):.1f}"'
                f' height="{ROW_HEIGHT - TOP - BOTTOM}"/>'
            )
            if mark.began_s >= self.begin_s:
                yield (
                    f'<text class="l" transform="translate({left + 6:.1f},{upper - 4:.1f})'
                    f' rotate(-58)">{escape(mark.name)}</text>'
                )

    def line(self, name: str, counts: Sequence[int]) -> Iterator[str]:
        own = counts[self.begin_s : self.begin_s + self.seconds]
        points = " ".join(
            f"{self.x(self.begin_s + at + 0.5):.1f},{self.y(count):.1f}"
            for at, count in enumerate(own)
        )
        yield f'<polyline class="{name}" points="{points}"/>'
