"""Records and compares transcripts: `python -m tests.compat.transcript` from the folder node/.

    show PEER [STORY...]      run stories against one server and print what came back
    record [STORY...]         run them twice against ZooKeeper; if both agree, write golden/
    compare [STORY...]        the node against golden/ (needs no JVM)
    compare --live [STORY...] the node against a ZooKeeper of this run
    compare --nodes 3         three nodes as an ensemble, the clients' connections spread over them
    explore SEED [COUNT]      walks by chance from COUNT seeds on both; prints what differs

`compare` writes both transcripts and their differences below --out and exits 1 if a difference is
not on the list of intended ones, or if a listed one is gone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..peers import PEERS, make
from .comparison import ENSEMBLE_LIST, differences, judge, load_divergences
from .golden import read_golden, write_golden
from .recording import Recording
from .run import SETTINGS
from .runner import run_stories, story_names, walk_on


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="transcript", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show")
    show.add_argument("peer", choices=sorted(PEERS))
    record = commands.add_parser("record")
    compare = commands.add_parser("compare")
    compare.add_argument("--live", action="store_true", help="start a ZooKeeper, ignore golden/")
    compare.add_argument("--out", type=Path, default=Path("build/transcript"))
    explore = commands.add_parser("explore")
    explore.add_argument("seed", type=int)
    explore.add_argument("count", type=int, nargs="?", default=10)
    for command in (show, compare):
        command.add_argument("--nodes", type=int, default=1, help="that many, connections spread")
    for command in (show, record, compare):
        command.add_argument("stories", nargs="*", metavar="STORY")
    chosen = parser.parse_args(arguments)
    match chosen.command:
        case "show":
            return _show(chosen.peer, chosen.stories, chosen.nodes)
        case "record":
            return _record(chosen.stories)
        case "explore":
            return _explore(chosen.seed, chosen.count)
        case _:
            return _compare(chosen.stories, chosen.out, live=chosen.live, nodes=chosen.nodes)


def record_on(kind: str, stories: Sequence[str] = (), nodes: int = 1) -> dict[str, Recording]:
    """Runs the stories on a fresh server of this kind, or on several as an ensemble."""
    with make(kind, SETTINGS, nodes) as peer:
        return {recording.story: recording for recording in run_stories(peer, stories)}


def _show(kind: str, stories: Sequence[str], nodes: int) -> int:
    for recording in record_on(kind, stories, nodes).values():
        print(recording.text())
    return 0


def _record(stories: Sequence[str]) -> int:
    """Golden is what two runs agree on; what varies by itself is no measure for anyone."""
    first, second = record_on("zookeeper", stories), record_on("zookeeper", stories)
    unstable = [
        difference.text()
        for name, recording in first.items()
        for difference in differences(name, recording.steps, second[name].steps)
    ]
    if unstable:
        print("ZooKeeper does not agree with itself:", *unstable, sep="\n")
        return 1
    for recording in first.values():
        write_golden(recording)
    requests = sum(recording.requests for recording in first.values())
    print(f"{len(first)} stories, {requests} requests recorded, twice the same")
    return 0


def _compare(stories: Sequence[str], out: Path, *, live: bool, nodes: int) -> int:
    ours = record_on("raftkeeper", stories, nodes)
    theirs = record_on("zookeeper", stories) if live else None
    listed = load_divergences() + (load_divergences(ENSEMBLE_LIST) if nodes > 1 else [])
    complaints: list[str] = []
    differing = 0
    for name in ours:
        golden = theirs[name].steps if theirs else read_golden(name)
        found = differences(name, golden, ours[name].steps)
        differing += len(found)
        complaints += judge(name, found, listed)
        _write(out / "raftkeeper" / f"{name}.txt", ours[name].text())
        _write(out / "differences" / f"{name}.txt", "\n".join(each.text() for each in found))
        if theirs:
            _write(out / "zookeeper" / f"{name}.txt", theirs[name].text())
    print(*complaints, sep="\n")
    requests = sum(recording.requests for recording in ours.values())
    print(
        f"{len(ours)} of {len(story_names())} stories, {requests} requests: {differing} steps "
        f"differ, {len(complaints)} complaints; transcripts in {out}"
    )
    return 1 if complaints else 0


def _explore(first: int, count: int) -> int:
    """A seed that finds a difference is worth a story; the printed steps say which."""
    differing = 0
    with PEERS["zookeeper"](SETTINGS) as zookeeper, PEERS["raftkeeper"](SETTINGS) as node:
        for seed in range(first, first + count):
            theirs, ours = walk_on(zookeeper, seed), walk_on(node, seed)
            found = differences(theirs.story, theirs.steps, ours.steps)
            differing += len(found)
            print(f"seed {seed}: {len(found)} of {len(theirs.steps)} steps differ")
            print(*(difference.text() for difference in found), sep="\n", end="")
    return 1 if differing else 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
