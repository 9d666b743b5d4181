"""The two sides of the comparison: nodes of this checkout and ZooKeeper, alone or three, same settings.

Both write to the same disk with fsync on. How each is started is the compatibility suite's knowledge.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "node" / "tests" / "compat"))

from peers import PEERS, Ensemble, Peer, PeerSettings, applied_zxid  # noqa: E402

__all__ = ["Ensemble", "Peer", "applied_zxid"]

KINDS = ("raftkeeper", "zookeeper")
"""The order of the turns, and of the columns."""

HEAP = "2g"
HEAP_LARGE = "4g"
"""For a million znodes, so that the collector is not what is measured."""

JCMD_DEADLINE_S = 60.0


def make(kind: str, directory: Path, *, port: int | None = None, java_heap: str = HEAP) -> Peer:
    """A server of that kind that keeps its data in `directory/kind`; not started yet."""
    return PEERS[kind](
        PeerSettings(java_heap=java_heap), directory=_emptied(directory / kind), port=port
    )


def make_ensemble(
    kind: str, directory: Path, *, environment: Mapping[str, str] | None = None
) -> Ensemble:
    """Three servers of that kind, each with its data in `directory/kind-3/N`; not started yet."""
    own = _emptied(directory / f"{kind}-3")
    settings = PeerSettings(java_heap=HEAP, environment=environment or {})
    return Ensemble(PEERS[kind], settings, directory=own)


def _emptied(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    return directory


def live_heap_bytes(pid: int) -> int:
    """Bytes of live objects in a JVM: a class histogram collects garbage first."""
    done = subprocess.run(
        ["jcmd", str(pid), "GC.class_histogram"],
        capture_output=True,
        text=True,
        timeout=JCMD_DEADLINE_S,
        check=True,
    )
    total = re.search(r"^Total\s+\d+\s+(\d+)", done.stdout, re.MULTILINE)
    if total is None:
        raise LookupError("jcmd printed no total")
    return int(total.group(1))
