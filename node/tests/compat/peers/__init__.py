"""Servers to compare with one another: a real ZooKeeper and a RaftKeeper node behind one interface.

A peer is one server process on a loopback port with a data directory of its own. The comparison
scripts, the client suites and the benchmarks start their servers here and nowhere else, so that both
sides always run with the same settings. Nothing here knows the protocol beyond four-letter words.
"""

from .process import Peer, PeerError, PeerSettings
from .raftkeeper import RaftKeeper
from .zookeeper import ZooKeeper

PEERS: dict[str, type[Peer]] = {"zookeeper": ZooKeeper, "raftkeeper": RaftKeeper}

__all__ = ["PEERS", "Peer", "PeerError", "PeerSettings", "RaftKeeper", "ZooKeeper"]
