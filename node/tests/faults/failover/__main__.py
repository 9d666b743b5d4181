"""Command line of the failover figures: `cd node && python -m tests.faults.failover --docs ../docs`.

Needs Java and Maven for ZooKeeper, as the benchmarks do; --only raftkeeper goes without.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.compat.peers import PEERS, Ensemble

from .measure import Gaps, Transfers, measure_freezes, measure_kills, measure_transfers

KINDS = ("raftkeeper", "zookeeper")
BLOCK = 10
"""Kills in a row of one kind, before it is the other's turn."""


async def measure(
    arguments: argparse.Namespace,
) -> tuple[dict[str, Gaps], dict[str, Gaps], Transfers]:
    """Both kinds in turns, so that neither has the better hour."""
    kinds = [arguments.only] if arguments.only else list(KINDS)
    kills, freezes = ({kind: Gaps() for kind in kinds} for _ in range(2))
    transfers = Transfers()
    for begin in range(0, arguments.kills, BLOCK):
        for kind in kinds:
            with Ensemble(PEERS[kind]) as ensemble:
                count = min(BLOCK, arguments.kills - begin)
                _add(kills[kind], await measure_kills(ensemble, count, _say))
                if begin == 0:
                    _add(freezes[kind], await measure_freezes(ensemble, arguments.freezes, _say))
                if begin == 0 and kind == "raftkeeper":
                    transfers = await measure_transfers(ensemble, arguments.transfers, _say)
    return kills, freezes, transfers


def _add(total: Gaps, more: Gaps) -> None:
    total.raw += more.raw
    total.kazoo += more.kazoo


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--transfers", type=int, default=30)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--docs", type=Path, help="write failover.md there")
    arguments = parser.parse_args()
    kills, freezes, transfers = asyncio.run(measure(arguments))
    page = render(kills, freezes, transfers, "make failover")
    print(page)
    if arguments.docs:
        (arguments.docs / "failover.md").write_text(page)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
