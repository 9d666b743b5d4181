"""Cuts leaders off from the other members, and notes for how long nobody could write at those.

All packets between them are dropped, so no connection breaks and only the silence tells. It takes the
namespaces of the fault runs, hence root, and enters them for good: `measure_cut_offs` runs this file as
a command of its own, so that nothing else is measured in there. Knows RaftKeeper's nodes only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import aiohttp
from tests.faults.ensemble import lab
from tests.faults.ensemble.board import Board
from tests.faults.ensemble.ensemble import Ensemble
from tests.faults.ensemble.node import CLIENT_PORT
from tests.faults.ensemble.wire_session import now_us

from .clients import gap_ms, writing_at
from .measure import Gaps

FOUNDERS = (1, 2, 3)
START_DEADLINE_S = 120.0
TURN_DEADLINE_S = 180.0
"""Two minutes of silence and one until all is well are beyond what a turn waits for by itself."""


class CutOffsFailedError(Exception):
    """The measurement did not come to its end, on a machine that can run it."""


def measure_cut_offs(times: int) -> Gaps:
    """In a process of its own, which says what it does. None where it says that this machine cannot."""
    if not times:
        return Gaps()
    with tempfile.TemporaryDirectory(prefix="raftkeeper-cut-offs-") as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, "-m", __name__, "--times", str(times), "--figures", str(figures)]
        try:
            done = subprocess.run(
                command, check=False, timeout=START_DEADLINE_S + times * TURN_DEADLINE_S
            )
        except subprocess.TimeoutExpired as late:
            raise CutOffsFailedError(f"not over after {late.timeout:.0f} s") from late
        if done.returncode == lab.EXIT_UNABLE:
            return Gaps()
        if done.returncode != 0:
            raise CutOffsFailedError(f"ended with {done.returncode}")
        return Gaps(**json.loads(figures.read_text()))


async def _measure(directory: Path, times: int) -> Gaps:
    place = lab.Lab(directory, FOUNDERS)
    place.build()
    result = Gaps()
    async with aiohttp.ClientSession() as http:
        ensemble = Ensemble(place, Board(), http)
        try:
            await ensemble.found(FOUNDERS)
            for turn in range(times):
                await _cut_off(ensemble, turn, result)
                _say(
                    f"raftkeeper cut off {turn + 1}/{times}: raw {result.raw[-1]:.0f} ms,"
                    f" kazoo {result.kazoo[-1]:.0f} ms"
                )
        finally:
            for node in ensemble.nodes.values():
                node.kill()
    place.close()
    return result


async def _cut_off(ensemble: Ensemble, turn: int, result: Gaps) -> None:
    """When exactly the command that drops the packets takes effect cannot be seen, and on a busy machine
    it may last longer than an election. So the gap is the longest between two acknowledged writes from
    before it until one that was sent after it; the clients write without pause.
    """
    leader = await ensemble.leader()
    survivors = sorted(ensemble.placed - {leader})
    host = ensemble.nodes[survivors[turn % 2]].address
    async with writing_at(host, CLIENT_PORT) as (raw, kazoo):
        began_us = now_us()
        await asyncio.to_thread(ensemble.lab.cut_off, leader, survivors)
        cut_us = now_us()
        for writes, gaps in ((raw, result.raw), (kazoo, result.kazoo)):
            await gap_ms(writes, cut_us)
            gaps.append(writes.longest_gap_us(began_us) / 1000)
        await asyncio.to_thread(ensemble.lab.heal)
    await ensemble.well(progress=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, required=True)
    parser.add_argument("--figures", type=Path, required=True, help="where to write them, as JSON")
    arguments = parser.parse_args()
    try:
        lab.enter()
        directory = Path(tempfile.mkdtemp(prefix="raftkeeper-cut-offs-"))
        _say(f"cutting leaders off; nodes' logs in {directory} until all went well")
        result = asyncio.run(_measure(directory, arguments.times))
    except lab.UnableError as error:
        print(f"cut-offs are left out, this machine cannot make them: {error}", file=sys.stderr)
        return lab.EXIT_UNABLE
    arguments.figures.write_text(json.dumps({"raw": result.raw, "kazoo": result.kazoo}))
    shutil.rmtree(directory)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
