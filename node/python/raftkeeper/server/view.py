"""What the admin surfaces may see of a node: one record of its parts, to be read and not driven."""

import os
import socket
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING

from raftkeeper import _engine
from raftkeeper._engine import Engine
from raftkeeper.raft import RaftCore
from raftkeeper.server.client_protocol import Clients
from raftkeeper.server.clock import Clock
from raftkeeper.server.door import Door
from raftkeeper.server.driver import Driver
from raftkeeper.server.ensemble.operations import Operations
from raftkeeper.server.peers import PeerTransport
from raftkeeper.server.snapshotter import Snapshotter
from raftkeeper.storage import DataDirectory, Identity, Writer

if TYPE_CHECKING:
    from raftkeeper.server.config import Config


def node_version() -> str:
    """The installed version of this package."""
    return metadata.version("raftkeeper")


@cache
def engine_built_on() -> str:
    """When the engine was compiled, as ZooKeeper writes it; the rest of a node is not built."""
    return strftime("%Y-%m-%d %H:%M UTC", gmtime(Path(_engine.__file__).stat().st_mtime))


@dataclass(frozen=True, slots=True)
class NodeParts:
    """The parts of a node that has its data open."""

    engine: Engine
    core: RaftCore
    driver: Driver
    writer: Writer
    clients: Clients
    door: Door
    snapshotter: Snapshotter
    data: DataDirectory
    operations: Operations
    links: PeerTransport | None
    """None on a node that listens for no members."""


@dataclass(slots=True)
class NodeView:
    """A node from its start on. `parts` is None until its data is open."""

    config: "Config"
    clock: Clock
    member_id: int = 1
    directory: DataDirectory | None = None
    """From the moment it is locked."""
    started_us: int = 0
    started_ms: int = 0
    serving_us: int = 0
    parts: NodeParts | None = None
    stopping: str = ""
    failure: str = ""
    damage: str = ""
    """What is broken in the data folder; the node then only says so."""
    state: str = "starting"
    version: str = field(default_factory=node_version)
    host_name: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @property
    def identity(self) -> Identity | None:
        """Whose disk it is, once it is known. Member 0 waits to be added to an ensemble."""
        return self.directory.identity if self.directory is not None else None

    @property
    def uptime_ms(self) -> int:
        """Since the process began to serve, or to start."""
        return (self.clock.now_us() - self.started_us) // 1000

    def not_serving(self) -> str:
        """Why this node does not serve, '' when it does."""
        if self.failure or self.damage:
            return self.failure or self.damage
        if self.stopping:
            return self.stopping
        if self.parts is None:
            return self.state
        if not self.parts.driver.serving.is_set():
            return self.parts.driver.admission.waits_for()
        return "" if self.serving_us else "opening the client port"
