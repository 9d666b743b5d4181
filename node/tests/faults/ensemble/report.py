"""What a run has shown, for people: the lines at its end, and the page and picture in docs/."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .availability import Mark, draw
from .board import Board
from .run import Happened, Outcome

BEGIN, END = "<!-- run -->", "<!-- /run -->"
"""Between these lines of docs/faults.md stands the last run that was written down."""


def summary(outcome: Outcome) -> str:
    """A few lines, and what is wrong."""
    board, verdict = outcome.board, outcome.verdict
    done = (
        f"{len(outcome.happened)} faults in {board.elapsed_s() / 60:.1f} minutes;"
        f" {verdict.operations:,} operations, {verdict.acknowledged_writes:,} acknowledged writes"
        f" that took effect, {verdict.unanswered:,} unanswered ones ({verdict.unanswered_seen:,} of"
        f" them seen done), {verdict.synced_reads:,} reads behind a sync"
    )
    sessions = (
        f"{board.reconnects:,} connections, {_lost(board)},"
        f" digests agree at {outcome.digests or '(not compared)'}"
    )
    lines = [done, sessions]
    lines += [f"WRONG: {wrong}" for wrong in outcome.wrong]
    lines += [f"WRONG: {complaint}" for complaint in verdict.complaints]
    if verdict.found > len(verdict.complaints):
        lines.append(f"WRONG: … and {verdict.found - len(verdict.complaints):,} more")
    return "\n".join(lines)


def _lost(board: Board) -> str:
    told = ", ".join(
        f"{lost.silence_s:.1f} s of silence at {lost.moment_s:.0f} s{', closing' * lost.closing}"
        for lost in board.lost_sessions
    )
    return f"{len(board.lost_sessions)} sessions were gone when their clients came back ({told or 'none'})"


def write_docs(outcome: Outcome, docs: Path, date: str) -> None:
    """The picture, and the part of the page that is about this run."""
    marks = [Mark(one.name, one.began_s, one.well_s) for one in outcome.happened]
    seconds = outcome.board.seconds[: outcome.board.load_ended_s]
    title = f"Three nodes, {outcome.minutes:g} minutes of faults, seed {outcome.seed}"
    picture = draw(title, [s.writes for s in seconds], [s.reads for s in seconds], marks)
    (docs / "availability.svg").write_text(picture)
    page = docs / "faults.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    section = "\n".join(_section(outcome, date))
    page.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}")


def _section(outcome: Outcome, date: str) -> Iterator[str]:
    verdict = outcome.verdict
    yield (
        f"Run on {date} with seed {outcome.seed}: {len(outcome.happened)} faults in"
        f" {outcome.minutes:g} minutes, {verdict.operations:,} operations, of them"
        f" {verdict.acknowledged_writes:,} acknowledged writes and {verdict.synced_reads:,} reads"
        f" behind a sync; {verdict.unanswered:,} operations were never answered, and"
        f" {verdict.unanswered_seen:,} of these were seen done. "
        + ("Nothing was wrong." if outcome.good else "**It found what is listed below.**")
    )
    yield ""
    heads = ("fault", "times", "longest gap between acknowledged writes, median / worst")
    yield f"| {' | '.join(heads)} | well again after, median / worst |"
    yield "|---|---|---|---|"
    groups: defaultdict[str, list[Happened]] = defaultdict(list)
    for one in outcome.happened:
        groups[one.name].append(one)
    for name, group in sorted(groups.items()):
        gaps = [one.gap_s for one in group]
        waits = [one.well_s - one.ended_s for one in group]
        yield f"| {name} | {len(group)} | {_spread(gaps)} | {_spread(waits)} |"
    for wrong in (*outcome.wrong, *verdict.complaints):
        yield f"- {wrong}"


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} / {max(values):.2f} s"
