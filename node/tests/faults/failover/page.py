"""docs/failover.md: what the measurements come to. Measures nothing itself."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator

from raftkeeper.server.config import Config
from raftkeeper.server.node_settings import build_settings

from .measure import Gaps, Transfers


def render(
    kills: dict[str, Gaps],
    freezes: dict[str, Gaps],
    cut_offs: Gaps,
    transfers: Transfers,
    command: str,
) -> str:
    """docs/failover.md."""
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    lines = [
        "# Failover: how long writes stand still",
        "",
        (
            f"Measured on {date} by `{command}` on {platform.system()}, Python"
            f" {platform.python_version()}: three nodes of RaftKeeper, then three of ZooKeeper 3.9.4, in"
            " turns, each with its defaults, all on one machine of two processors, with fsync on."
        ),
        "",
        (
            "A gap counts from the signal to the leader until the acknowledgement of the first write that"
            " was sent afterwards, at a node that survives. *Raw* is a client that writes without pause and"
            " reconnects within 5 ms; *kazoo* is the library with its own pauses."
        ),
        "",
        "| what happens to the leader | service | times | raw, median / worst | kazoo, median / worst |",
        "|---|---|---|---|---|",
        *_rows("killed (SIGKILL)", kills),
        *_rows("frozen (SIGSTOP)", freezes),
        *_rows("cut off (all packets dropped)", {"raftkeeper": cut_offs}),
        "",
        *_tell_cut_offs(cut_offs),
        "",
        _tell_timeout([*_of_ours(freezes), *cut_offs.raw]),
    ]
    if transfers.gaps_ms:
        lines += [
            "",
            (
                f"Leadership handed over {len(transfers.gaps_ms)} times under load (nine clients, three at"
                f" each node, {transfers.acknowledged:,} writes): the longest that any client waited between"
                f" two acknowledged writes was {_spread(transfers.gaps_ms)} (median / worst);"
                f" {transfers.failed} writes failed or lost their connection."
            ),
        ]
    return "\n".join(lines) + "\n"


def _tell_cut_offs(cut_offs: Gaps) -> Iterator[str]:
    if not cut_offs.raw:
        yield "No leader was cut off in this run."
        return
    yield (
        "A leader that is *cut off* runs on, but all packets between it and the other two are dropped, in"
        " both directions and at one moment: no connection breaks, and only silence tells. When exactly"
        " that moment is cannot be seen, so its gap is the longest between two acknowledged writes around"
        " it. Each node has a network namespace and a disk image of its own there, and the settings of the"
        " [fault runs](faults.md), which take snapshots more often; the election timeout is the default."
        " ZooKeeper does not run in that laboratory, so it has no such row, which says nothing about it."
    )


def _tell_timeout(silent_ms: list[float]) -> str:
    """Beside what there was to measure of leaders that only fell silent."""
    settings = build_settings(Config())
    tick_ms = settings.tick_s * 1000
    shortest_ms = settings.election_ticks * tick_ms
    text = (
        f"RaftKeeper's election timeout is {shortest_ms:,.0f} ms by default (`ensemble.election_ticks` ="
        f" {settings.election_ticks}, of `ensemble.tick_ms` = {tick_ms:,.0f} each). How long a member waits"
        f" for a silent leader is drawn between that and"
        f" {settings.election_ticks_longest * tick_ms:,.0f} ms; then it asks the other, both write down"
        " their votes, and the new leader its first entry. The aim for a frozen or cut-off leader is two"
        f" election timeouts at worst: {2 * shortest_ms:,.0f} ms."
    )
    if silent_ms:
        longer = sum(gap_ms > 2 * shortest_ms for gap_ms in silent_ms)
        text += f" Of the {len(silent_ms)} gaps of *raw* above, {longer or 'none'} took longer."
    return text


def _of_ours(gaps: dict[str, Gaps]) -> list[float]:
    return gaps["raftkeeper"].raw if "raftkeeper" in gaps else []


def _rows(what: str, gaps: dict[str, Gaps]) -> Iterator[str]:
    for kind, one in gaps.items():
        if one.raw:
            yield (
                f"| {what} | {kind} | {len(one.raw)} | {_spread(one.raw)} | {_spread(one.kazoo)} |"
            )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} / {max(values):,.0f} ms"
