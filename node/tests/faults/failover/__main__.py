"""Command line of the failover figures: `cd node && python -m tests.faults.failover --docs ../docs`.

Needs Java and Maven for ZooKeeper, as the benchmarks do; --only raftkeeper goes without. Leaders are cut
off only as root, as in the fault runs; elsewhere that row is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.compat.peers import PEERS, Ensemble

from .cut_off import CutOffsFailedError, measure_cut_offs
from .measure import Gaps, Transfers, measure_freezes, measure_kills, measure_transfers
from .page import render

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
    # One round without a kill too: freezes and transfers belong to the first.
    for begin in range(0, max(arguments.kills, 1), BLOCK):
        for kind in kinds:
            if not _has_work(arguments, kind):
                continue
            with Ensemble(PEERS[kind]) as ensemble:
                count = min(BLOCK, arguments.kills - begin)
                _add(kills[kind], await measure_kills(ensemble, count, _say))
                if begin == 0:
                    _add(freezes[kind], await measure_freezes(ensemble, arguments.freezes, _say))
                if begin == 0 and kind == "raftkeeper":
                    transfers = await measure_transfers(ensemble, arguments.transfers, _say)
    return kills, freezes, transfers


def _has_work(arguments: argparse.Namespace, kind: str) -> bool:
    """Whether an ensemble of that kind is to be started for anything."""
    handed_over = arguments.transfers if kind == "raftkeeper" else 0
    return bool(arguments.kills or arguments.freezes or handed_over)


def _add(total: Gaps, more: Gaps) -> None:
    total.raw += more.raw
    total.kazoo += more.kazoo


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--freezes", type=int, default=10)
    parser.add_argument("--transfers", type=int, default=30)
    parser.add_argument("--cut-offs", type=int, default=10)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--docs", type=Path, help="write failover.md there")
    arguments = parser.parse_args()
    kills, freezes, transfers = asyncio.run(measure(arguments))
    cut_offs, failed = Gaps(), False
    if arguments.only != "zookeeper":
        try:
            cut_offs = measure_cut_offs(arguments.cut_offs)
        except CutOffsFailedError as error:
            failed = True
            print(f"cut-offs are left out, they failed: {error}", file=sys.stderr)
    page = render(kills, freezes, cut_offs, transfers, "make failover")
    print(page)
    if arguments.docs:
        (arguments.docs / "failover.md").write_text(page)
    return 1 if failed else 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
