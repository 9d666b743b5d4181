"""Servers to compare with one another: a real ZooKeeper and a RaftKeeper node behind one interface.

A peer is one server process on a loopback port with a data directory of its own, or several of one
kind as an ensemble. The comparison
scripts, the client suites and the benchmarks start their servers here and nowhere else, so that both
sides always run with the same settings. Nothing here knows the protocol beyond four-letter words.
"""

from .ensemble import Ensemble, applied_zxid
from .process import Peer, PeerError, PeerSettings
from .raftkeeper import RaftKeeper
from .zookeeper import ZooKeeper

PEERS: dict[str, type[Peer]] = {"zookeeper": ZooKeeper, "raftkeeper": RaftKeeper}
"""Single servers, by name."""


def make(kind: str, settings: PeerSettings | None = None, nodes: int = 1) -> Peer | Ensemble:
    """A server of this kind, or an ensemble of several; not started yet."""
    return PEERS[kind](settings) if nodes == 1 else Ensemble(PEERS[kind], settings, size=nodes)


__all__ = [
    "PEERS",
    "Ensemble",
    "Peer",
    "PeerError",
    "PeerSettings",
    "RaftKeeper",
    "ZooKeeper",
    "applied_zxid",
    "make",
]
