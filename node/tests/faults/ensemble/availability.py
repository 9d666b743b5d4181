"""Draws a run: acknowledged operations in each second, and what went wrong when, as an SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 1200, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 112, 36
GRID_LINES = 4
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
    seconds = max(len(writes), 1)
    top = max((*writes, *reads, 1))

    def x(second: float) -> float:
        return LEFT + second / seconds * (WIDTH - LEFT - RIGHT)

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - count / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<style>{STYLE}</style><title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text class="t" x="{LEFT}" y="18">{escape(title)}</text>',
    ]
    for line in range(GRID_LINES + 1):
        count = top * line / GRID_LINES
        parts.append(
            f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(count):.1f}" y2="{y(count):.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y(count) + 4:.1f}" text-anchor="end">{count:,.0f}</text>'
        )
    step = 60 if seconds > 240 else 20
    parts += [
        f'<text x="{x(second):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{second} s</text>'
        for second in range(0, seconds, step)
    ]
    for mark in marks:
        left, right = x(mark.began_s), x(mark.well_s)
        parts.append(
            f'<rect class="m" x="{left:.1f}" y="{TOP}" width="{max(right - left, 0.6):.1f}"'
            f' height="{HEIGHT - TOP - BOTTOM}"/>'
            f'<text class="l" transform="translate({left + 6:.1f},{TOP - 4}) rotate(-58)">'
            f"{escape(mark.name)}</text>"
        )
    for name, counts in (("r", reads), ("w", writes)):
        points = " ".join(f"{x(at + 0.5):.1f},{y(count):.1f}" for at, count in enumerate(counts))
        parts.append(f'<polyline class="{name}" points="{points}"/>')
    legend = f"{HEIGHT - 4}"
    parts.append(
        f'<text x="{LEFT}" y="{legend}" style="fill:#1f5fa8">acknowledged writes a second</text>'
        f'<text x="{LEFT + 190}" y="{legend}" style="fill:#4d7a47">answered reads a second</text>'
        f'<text x="{LEFT + 360}" y="{legend}" style="fill:#8e2b20">from the beginning of a fault'
        " until all is well</text></svg>"
    )
    return "\n".join(parts) + "\n"
