"""One machine of the simulation: a disk that outlives processes, and at most one process on it.

It starts, crashes and wipes; what runs on it is a node of the level that was asked for. It must not
know what the node does.
"""

import traceback
from typing import TYPE_CHECKING, Any, Protocol

from raftkeeper.raft import BASE_LEVEL, InvariantBroken, RaftCore
from raftkeeper.storage import StorageError
from raftkeeper.testing.faulty_files import UNBOUNDED_BYTES, Crashed, FaultyFiles, Survival
from raftkeeper.testing.sim_failure import Kind, SimFailure
from raftkeeper.testing.sim_loop import MachineClock, MachineLoop, Step

if TYPE_CHECKING:
    from raftkeeper.testing.sim_world import World


WAY_OUT = "join anew"
"""A node that cannot read its disk must say what to do: these words are in it."""


class Node(Protocol):
    """One process: what the world needs of it, at every level."""

    @property
    def core(self) -> RaftCore:
        """Once it has recovered."""

    def start(self) -> None:
        """Recovers, and begins to tick."""

    def receive(self, sender: int, message: Any) -> None:
        """Something arrived from the machine `sender`."""

    def peer_reset(self, member: int) -> None:
        """The connection to a member broke: its process is gone."""

    def take_snapshot(self) -> None:
        """Now, whatever the moment."""

    def leave(self) -> None:
        """The process is gone: whoever waits for it is told."""


class Machine:
    """`member` is the id that its disk is bound to; 0 while it belongs to nobody."""

    def __init__(self, world: "World", number: int) -> None:
        self.world = world
        self.number = number
        self.name = f"m{number}"
        self.chance = world.chance.stream(self.name)
        self.clock = MachineClock(world.loop)
        self.files = FaultyFiles()
        self.member = 0
        self.incarnation = b""
        self.incarnations = 0
        self.lives = 0
        self.feature_level = BASE_LEVEL
        """Of the release that is installed on it."""
        self.disk_may_fail = False
        """An error of the disk was planned for this life."""
        self.rotten = False
        """A bit of its disk has turned over."""
        self.is_wrong = False
        """The state that its processes make of this disk is not that of the others."""
        self.refused = False
        """No process starts on this disk any more: it has to be emptied."""
        self.node: Node | None = None
        self.loop: MachineLoop | None = None
        self.wipe()

    @property
    def is_full(self) -> bool:
        return self.files.capacity_bytes < UNBOUNDED_BYTES

    # -- what happens to it

    def wipe(self) -> None:
        """An empty disk, in a new incarnation, that belongs to nobody."""
        if self.node is not None:
            self._end()
        self.files = FaultyFiles()
        self.rotten = self.refused = self.is_wrong = False
        self.member = 0
        self.incarnations += 1
        self.incarnation = f"{self.name}.{self.incarnations}".encode().ljust(16, b".")

    def bind(self, member: int) -> None:
        self.member = member
        self.world.by_member[member] = self

    def start(self) -> None:
        """A process on what the disk holds."""
        if self.node is not None or not self.member or self.refused:
            return
        self.lives += 1
        self.disk_may_fail = False
        self.trace("starts", f"life {self.lives} as member {self.member}")
        self.loop = MachineLoop(self.world.loop, self._guard)
        self.node = self.world.make_node(self)
        self.world.network.attach(self.number, self._receive)
        self._guard(self.node.start, ())

    def crash(self, survival: Survival, reason: str) -> None:
        """The process, and perhaps the power, is gone from one step to the next."""
        if self.node is None:
            return
        self.trace("crashes", f"{reason}; unsynced: {survival.name.lower()}")
        self._end()
        self.files = self.files.after_crash(survival, self.chance.twister())

    def stall(self, duration_us: int) -> None:
        """Nothing runs for a while, then everything that is due."""
        if self.loop is not None:
            self.trace("stalls", f"for {duration_us // 1000} ms")
            until_us = self.world.loop.now_us + duration_us
            # Never earlier than before: what waits must run in the order it was planned.
            self.loop.stalled_until_us = max(self.loop.stalled_until_us, until_us)

    def trace(self, what: str, details: object = "") -> None:
        self.world.trace.add(self.world.loop.now_us, self.name, what, details)

    # -- inside

    def _receive(self, sender: int, message: Any) -> None:
        if self.loop is not None and self.node is not None:
            self.loop.soon(self.node.receive, sender, message)

    def _end(self) -> None:
        node, self.node = self.node, None
        if self.loop is not None:
            self.loop.alive = False
            self.loop = None
        self.world.network.detach(self.number)
        self.world.watch.stopped(self)
        if node is not None:
            node.leave()
        self.world.announce_gone(self)

    def _guard(self, step: Step, arguments: tuple[Any, ...]) -> None:
        """Runs one step of the process; whatever it raises ends here."""
        loop = self.loop
        try:
            step(*arguments)
        except Crashed as crashed:
            self.crash(self.chance.pick(list(Survival)), str(crashed))
        except (StorageError, OSError) as error:
            self._stop_on_disk_error(error)
        except SimFailure:
            raise
        except InvariantBroken as broken:
            raise SimFailure(Kind.CRASH, "invariant", f"{self.name}: {broken}") from broken
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            sentence = f"{self.name}: {error!r} at {where.name}:{where.lineno}"
            raise SimFailure(Kind.CRASH, type(error).__name__, sentence) from error
        else:
            if loop is not None and loop is self.loop and self.node is not None:
                self.world.watch.step(self)

    def _stop_on_disk_error(self, error: Exception) -> None:
        """A process that stops on an error of the disk does as it should, if there was one.

        A full disk is none, but for a process that only starts.
        """
        is_starting = getattr(self.node, "core", None) is None
        if self.rotten and WAY_OUT in str(error):
            self.trace("refuses", error)
            self.refused = is_starting
        elif not self.disk_may_fail and not (self.is_full and is_starting):
            raise SimFailure(Kind.CRASH, "storage", f"{self.name}: {error}") from error
        self.crash(self.chance.pick(list(Survival)), f"stops: {type(error).__name__}")
