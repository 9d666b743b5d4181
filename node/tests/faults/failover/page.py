"""docs/failover.md: what the measurements come to. Measures nothing itself."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Iterator

from .measure import Gaps, Transfers


def render(
    kills: dict[str, Gaps], freezes: dict[str, Gaps], transfers: Transfers, command: str
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


def _rows(what: str, gaps: dict[str, Gaps]) -> Iterator[str]:
    for kind, one in gaps.items():
        if one.raw:
            yield (
                f"| {what} | {kind} | {len(one.raw)} | {_spread(one.raw)} | {_spread(one.kazoo)} |"
            )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} / {max(values):,.0f} ms"
