"""Draws the recording of a cluster's life as an SVG, for light and dark pages.

Above: writes that were acknowledged in each second. In the middle: a lane for each pod, with what its
member was. Below: what the operator said that it did. It must not smooth or leave out a measured value;
of the operator's sentences it leaves out those about waiting and about ordinary objects.
"""

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from math import ceil

from e2e.home import REPOSITORY, say
from e2e.shows.life import Look, Recording

WIDTH, LEFT, RIGHT = 980, 74, 16
CHART_TOP, CHART_HEIGHT = 76, 110
LANE_HEIGHT, LANE_GAP = 20, 7
PICTURE = REPOSITORY / "docs" / "operator" / "life.svg"
NEXT = "next"
# A state that was seen for less than this many pixels is drawn that wide, so that it is seen at all.
STRIP_PIXELS_MIN = 2.0
NOTE_HEIGHT = 15
# Of a character of a command.
COMMAND_PIXELS = 6.7
NOTES_MAX = 40
NOTE_CHARACTERS_MAX = 70
# Sentences with one of these say nothing that the lanes do not show, or are about a Secret, a Service, …
LEFT_OUT = (
    "is not as the spec has it",
    "is not there yet",
    "the certificate in",
    "does not answer",
    "is stopping",
)

STYLE = """
text{font:12px system-ui,sans-serif;fill:#24292f}.s{font-size:10.5px}.h{font-weight:600;font-size:14px}
.q{fill:#57606a}.k{font:11px ui-monospace,monospace;fill:#24292f}.bg{fill:#fff;stroke:#d0d7de}
.g{stroke:#d0d7de}.c{stroke:#8c959f;stroke-dasharray:3 3}
.w{fill:#2da44e;fill-opacity:.25;stroke:#2da44e;stroke-width:1.4}
.starting,.joining{fill:#d0d7de}.learner{fill:#d4a72c}.follower{fill:#80b3f0}.leader{fill:#0550ae}
.follower.next{fill:#c3a1f0}.leader.next{fill:#6f2dbd}.learner.next{fill:#d4a72c}
@media (prefers-color-scheme:dark){text,.k{fill:#e6edf3}.q{fill:#9da7b3}.bg{fill:#0d1117;stroke:#30363d}
.g{stroke:#30363d}.c{stroke:#6e7681}.w{fill:#3fb950;fill-opacity:.25;stroke:#3fb950}.starting,.joining{fill:#484f58}
.learner,.learner.next{fill:#d29922}.follower{fill:#2f6cb5}.leader{fill:#a5d0ff}
.follower.next{fill:#7d4fc0}.leader.next{fill:#e2c5ff}}
"""
LEGEND = (
    ("starting", "pod starts"),
    ("learner", "learner, without a vote"),
    ("follower", "follower"),
    ("leader", "leader"),
    ("follower next", "follower, new image"),
    ("leader next", "leader, new image"),
)


def write(recording: Recording) -> None:
    """Into the documentation."""
    PICTURE.write_text(draw(recording))
    say(f"drawn: {PICTURE}")


def draw(recording: Recording) -> str:
    """The whole picture."""
    end = max(look.at for look in recording.looks)
    scale = _Scale(end)
    pods = sorted({name for look in recording.looks for name in look.pods})
    lanes_top = CHART_TOP + CHART_HEIGHT + 44
    lanes_bottom = lanes_top + len(pods) * (LANE_HEIGHT + LANE_GAP)
    notes = [note for note in recording.decisions if tells(note[1])][:NOTES_MAX]
    rows = ceil(len(notes) / 2)
    notes_top = lanes_bottom + 78
    height = notes_top + rows * NOTE_HEIGHT + 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(_title(recording))}</title><style>{STYLE}</style>",
        f'<rect class="bg" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        f'<text class="h" x="14" y="24">{escape(_title(recording))}</text>',
        *_commands(recording, scale, lanes_bottom),
        *_writes(recording.looks, scale),
        *_lanes(recording.looks, pods, scale, lanes_top),
        *_axis(scale, lanes_bottom),
        *_legend(lanes_bottom + 44),
        *_notes(notes, notes_top, rows),
        "</svg>\n",
    ]
    return "\n".join(parts)


def tells(sentence: str) -> bool:
    """Whether a sentence of the operator's is shown."""
    return not any(part in sentence for part in LEFT_OUT)


class _Scale:
    """Seconds to pixels."""

    def __init__(self, end: float) -> None:
        self.end = end
        self._factor = (WIDTH - LEFT - RIGHT) / end

    def x(self, at: float) -> float:
        return round(LEFT + min(max(at, 0.0), self.end) * self._factor, 1)


def _title(recording: Recording) -> str:
    found = recording.summary
    return (
        f"Apply, scale to five, upgrade: {found['acknowledged']:,} writes acknowledged, "
        f"{found['missing_count']} lost; the longest pause of any client {found['gap_max_ms']:,} ms"
    )


def _commands(recording: Recording, scale: _Scale, bottom: int) -> Iterator[str]:
    ends = [*(scale.x(command.at) for command in recording.commands[1:]), float(WIDTH)]
    for command, settled, end in zip(recording.commands, recording.settled, ends, strict=True):
        x = scale.x(command.at)
        yield f'<line class="c" x1="{x}" x2="{x}" y1="42" y2="{bottom}"/>'
        yield f'<text class="k" x="{x + 4}" y="48">{escape(fitting(command.text, end - x))}</text>'
        took = f"done after {settled - command.at:.0f} s"
        yield f'<text class="s q" x="{x + 4}" y="62">{took}</text>'


def fitting(command: str, room: float) -> str:
    """The command; without its first word where the next one begins before its end."""
    return command if len(command) * COMMAND_PIXELS < room - 8 else command.partition(" ")[2]


def _writes(looks: Sequence[Look], scale: _Scale) -> Iterator[str]:
    rates = list(per_second([(look.at, look.acknowledged) for look in looks]))
    top = max(50.0, max(rate for _, rate in rates) * 1.1)
    step = 50 if top < 300 else 100
    bottom = CHART_TOP + CHART_HEIGHT

    def y(rate: float) -> float:
        return round(bottom - rate / top * CHART_HEIGHT, 1)

    for mark in range(0, int(top) + 1, step):
        yield f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark)}" y2="{y(mark)}"/>'
        yield f'<text class="s q" x="{LEFT - 6}" y="{y(mark) + 4}" text-anchor="end">{mark}</text>'
    points = [f"{scale.x(at)},{y(rate)} {scale.x(at + 1)},{y(rate)}" for at, rate in rates]
    first, last = scale.x(rates[0][0]), scale.x(rates[-1][0] + 1)
    yield f'<polygon class="w" points="{first},{bottom} {" ".join(points)} {last},{bottom}"/>'
    yield f'<text class="s q" x="{LEFT}" y="{bottom + 16}">writes acknowledged a second</text>'


def per_second(counts: Sequence[tuple[float, int]]) -> Iterator[tuple[int, float]]:
    """For each whole second how much was added in it, by lines between what was counted.

    Before the first look that counted anything nobody wrote; the second in which that was is left out.
    """
    seen = [(at, count) for at, count in counts if count > 0]
    for second in range(ceil(seen[0][0]), int(seen[-1][0])):
        yield second, _between(seen, second + 1) - _between(seen, second)


def _between(seen: Sequence[tuple[float, int]], at: float) -> float:
    for (before, low), (after, high) in itertools.pairwise(seen):
        if before <= at <= after:
            return low + (high - low) * (at - before) / (after - before)
    raise ValueError(f"{at} is outside of what was seen")


def _lanes(looks: Sequence[Look], pods: Sequence[str], scale: _Scale, top: int) -> Iterator[str]:
    for number, pod in enumerate(pods):
        y = top + number * (LANE_HEIGHT + LANE_GAP)
        yield f'<text x="{LEFT - 6}" y="{y + 14}" text-anchor="end">{escape(pod)}</text>'
        for kind, begin, end in strips(looks, pod):
            width = max(STRIP_PIXELS_MIN, round(scale.x(end) - scale.x(begin), 1))
            thin = kind in {"starting", "joining"}
            inset, tall = (7, LANE_HEIGHT - 14) if thin else (0, LANE_HEIGHT)
            yield (
                f'<rect class="{kind}" x="{scale.x(begin)}" y="{y + inset}" '
                f'width="{width}" height="{tall}"/>'
            )


def strips(looks: Sequence[Look], pod: str) -> list[tuple[str, float, float]]:
    """Kind, begin and end of what a pod was, from look to look."""
    found: list[tuple[str, float, float]] = []
    for look, following in zip(looks, [*looks[1:], looks[-1]], strict=True):
        state = look.pods.get(pod)
        if state is None:
            continue
        new = look.images.get(pod) == NEXT and state not in {"starting", "joining"}
        kind = f"{state} next" if new else state
        if found and found[-1][0] == kind and found[-1][2] == look.at:
            found[-1] = (kind, found[-1][1], following.at)
        else:
            found.append((kind, look.at, following.at))
    return found


def _axis(scale: _Scale, y: int) -> Iterator[str]:
    for at in range(0, int(scale.end) + 1, 10 if scale.end < 200 else 30):
        x = scale.x(at)
        yield f'<text class="s q" x="{x}" y="{y + 14}" text-anchor="middle">{at} s</text>'


def _legend(y: int) -> Iterator[str]:
    x = float(LEFT)
    for kind, text in LEGEND:
        thin = kind == "starting"
        yield (
            f'<rect class="{kind}" x="{x}" y="{y - (7 if thin else 10)}" '
            f'width="16" height="{6 if thin else 12}"/>'
        )
        yield f'<text class="s" x="{x + 21}" y="{y}">{text}</text>'
        x += 40 + 6.1 * len(text)


def _notes(notes: Sequence[tuple[float, str]], top: int, rows: int) -> Iterator[str]:
    yield f'<text class="q" x="14" y="{top - 8}">What the operator said meanwhile</text>'
    for number, (at, text) in enumerate(notes):
        column, row = divmod(number, rows)
        x, y = 14 + column * (WIDTH - 28) // 2, top + 10 + row * NOTE_HEIGHT
        cut = text if len(text) <= NOTE_CHARACTERS_MAX else text[: NOTE_CHARACTERS_MAX - 1] + "…"
        yield f'<text class="s q" x="{x + 36}" y="{y}" text-anchor="end">{at:.1f} s</text>'
        yield f'<text class="s" x="{x + 42}" y="{y}">{escape(cut)}</text>'
