"""Between the simulation and its checkers: facts come in from all sides, each goes to who cares.

`Checker` names every fact. A checker overrides what it needs, keeps books of its own, and raises
through `broken`; none knows another.
"""

from typing import TYPE_CHECKING, Any, NoReturn

from raftkeeper.raft import Entry, InvariantBroken, RaftCore, Ready, Role, check_core
from raftkeeper.storage import Recovered, SnapshotMeta
from raftkeeper.testing.sim_disk import DurableEntries, DurableVote
from raftkeeper.testing.sim_failure import Kind, SimFailure

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World


class Checker:
    """One promise. The hooks say what has just happened."""

    world: "World"

    def started(self, machine: "Machine", core: RaftCore, recovered: Recovered) -> None:
        """A process has read its disk."""

    def stopped(self, machine: "Machine") -> None:
        """A process is gone."""

    def ready(self, machine: "Machine", ready: Ready) -> None:
        """The core handed this over; nothing of it is done yet."""

    def sent(self, machine: "Machine", message: Any) -> None:
        """A message of the core leaves its machine."""

    def durable(self, machine: "Machine", what: DurableVote | DurableEntries) -> None:
        """These bytes are on the disk from now on."""

    def leads(self, machine: "Machine", core: RaftCore) -> None:
        """Takes itself for the leader of its term."""

    def committed(self, machine: "Machine", core: RaftCore, before: int) -> None:
        """Its commit index has moved from `before`."""

    def applied(self, machine: "Machine", entry: Entry, digest: int) -> None:
        """Its state machine has taken this entry, and is now what `digest` says."""

    def restored(self, machine: "Machine", meta: SnapshotMeta, digest: int) -> None:
        """Its state machine was loaded from a snapshot."""

    def replaced(self, machine: "Machine") -> None:
        """That state is another member's, and takes the place of the one it had."""

    def contradicted(self, machine: "Machine") -> None:
        """It has been told that its state is wrong."""

    def serves(self, machine: "Machine") -> None:
        """It takes a client."""

    def read_asked(self, token: int) -> None:
        """Somebody asks for a linearizable read."""

    def granted(self, machine: "Machine", token: int, index: int) -> None:
        """It may be served at this index."""

    def read_served(self, token: int, index: int) -> None:
        """It was served from a state with everything up to this index."""

    def acknowledged(self, machine: "Machine", entry: Entry) -> None:
        """A client was told that this is done."""

    def client(self, what: Any) -> None:
        """Something that a client sent or got, where there are clients with sessions."""

    def at_end(self) -> None:
        """All faults are over, and everybody has caught up."""

    def broken(self, sentence: str) -> NoReturn:
        raise SimFailure(Kind.SAFETY, type(self).__name__, sentence)


_HOOKS = [name for name in vars(Checker) if not name.startswith("_") and name != "broken"]


class Watch:
    """Tells the checkers, and sees by itself when a core has moved."""

    def __init__(self, world: "World", checkers: list[Checker]) -> None:
        self.checkers = checkers
        self._world = world
        self._seen: dict[int, tuple[Role, int, int]] = {}
        for checker in checkers:
            checker.world = world
        for name in _HOOKS:
            if name in {"leads", "committed", "applied", "read_served"}:
                continue
            setattr(self, name, self._spread(name))
        self._leads = self._spread("leads")
        self._committed = self._spread("committed")
        self._applied = self._spread("applied")
        self._read_served = self._spread("read_served")

    def __getattr__(self, name: str) -> Any:
        """For the type checker only: every hook is an attribute by now."""
        raise AttributeError(name)

    def applied(self, machine: "Machine", entry: Entry, digest: int) -> None:
        self._applied(machine, entry, digest)
        told = getattr(self._world.clients, "applied", None)
        if told is not None:
            told(machine, entry)

    def read_served(self, token: int, index: int) -> None:
        self._read_served(token, index)

    def step(self, machine: "Machine") -> None:
        """A process has done one step."""
        node = machine.node
        core = getattr(node, "core", None)
        if core is None:
            return
        now = (core.role, core.term, core.commit_index)
        before = self._seen.get(machine.number)
        if now == before:
            return
        self._seen[machine.number] = now
        try:
            check_core(core)
        except InvariantBroken as broken:
            raise SimFailure(Kind.CRASH, "check_core", f"{machine.name}: {broken}") from broken
        role, term, commit = before or (Role.FOLLOWER, 0, 0)
        if (role, term) != now[:2]:
            machine.trace(
                "becomes", f"{core.role.value} of term {core.term}, log {core.last_index}"
            )
            if core.role is Role.LEADER:
                self._leads(machine, core)
        if commit != core.commit_index:
            self._committed(machine, core, commit)

    def forget(self, machine: "Machine") -> None:
        """A new life begins with nothing seen."""
        self._seen.pop(machine.number, None)

    def _spread(self, name: str) -> Any:
        """One call to all that override the hook."""
        hooks = [
            getattr(checker, name)
            for checker in self.checkers
            if getattr(type(checker), name) is not getattr(Checker, name)
        ]
        if len(hooks) == 1:
            return hooks[0]

        def spread(*arguments: Any) -> None:
            for hook in hooks:
                hook(*arguments)

        return spread
