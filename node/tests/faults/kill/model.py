"""What a writer's part of the tree must look like: plain values, no I/O.

Every znode belongs to one writer, and a session's requests take effect in the order they were sent.
So after a crash a writer's znodes are what was acknowledged, followed by the effects of the first k
of its unanswered requests, for some k. Anything else is a write that was lost, invented or reordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raftkeeper.testing.client_wire import Stat

    from .model_wire import Made


@dataclass(frozen=True, slots=True)
class Create:
    """`path` is where it will be: for a sequential znode the number is foretold."""

    path: str
    data: bytes
    ephemeral: bool = False
    sequential: bool = False

    @property
    def asked(self) -> str:
        """The path in the request: a sequential one goes without its ten digits."""
        return self.path[:-10] if self.sequential else self.path


@dataclass(frozen=True, slots=True)
class SetData:
    """`version` is the one that the znode has before."""

    path: str
    data: bytes
    version: int


@dataclass(frozen=True, slots=True)
class Delete:
    path: str
    version: int


@dataclass(frozen=True, slots=True)
class Multi:
    """Takes effect whole or not at all."""

    parts: tuple[Create | SetData | Delete, ...]


Op = Create | SetData | Delete | Multi


@dataclass(frozen=True, slots=True)
class Znode:
    """One znode as it must be; `stat` is there once the server has told it."""

    data: bytes
    version: int
    owner: int
    stat: Stat | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What a restarted server shows of a writer's znodes."""

    by_path: Mapping[str, tuple[bytes, Stat]]
    sequential_created: int
    """By the Stat of their parent, which counts creates and deletes of children."""


@dataclass(slots=True)
class Znodes:
    """A writer's znodes after some of its requests."""

    session: int
    by_path: dict[str, Znode] = field(default_factory=dict)
    sequential_created: int = 0

    def copy(self) -> Znodes:
        return Znodes(self.session, dict(self.by_path), self.sequential_created)

    def apply(self, op: Op, made: Iterable[Made] = ()) -> None:
        """The effects of one request; `made` is what its reply said, if there was one."""
        stats = {one.path: one.stat for one in made}
        for part in op.parts if isinstance(op, Multi) else (op,):
            self._apply_one(part, stats.get(part.path))

    def _apply_one(self, op: Create | SetData | Delete, stat: Stat | None) -> None:
        match op:
            case Create():
                owner = self.session if op.ephemeral else 0
                self.by_path[op.path] = Znode(op.data, 0, owner, stat)
                self.sequential_created += op.sequential
            case SetData():
                before = self.by_path[op.path]
                self.by_path[op.path] = Znode(op.data, op.version + 1, before.owner, stat)
            case Delete():
                del self.by_path[op.path]

    def drop_ephemerals(self) -> None:
        """The session has ended."""
        self.by_path = {path: znode for path, znode in self.by_path.items() if not znode.owner}

    def difference(self, observed: Observed) -> str | None:
        """None when `observed` is this; else the first difference in words."""
        if observed.sequential_created != self.sequential_created:
            return (
                f"{observed.sequential_created} sequential znodes were created"
                f" instead of {self.sequential_created}"
            )
        for path, znode in self.by_path.items():
            if path not in observed.by_path:
                return f"{path} is missing"
            found = _znode_difference(znode, *observed.by_path[path])
            if found:
                return f"{path}: {found}"
        for path in observed.by_path:
            if path not in self.by_path:
                return f"{path} should not be there"
        return None


def _znode_difference(znode: Znode, data: bytes, stat: Stat) -> str | None:
    if znode.stat is not None and stat != znode.stat:
        return f"{stat} where {znode.stat} was acknowledged"
    if stat.version != znode.version:
        return f"version {stat.version} instead of {znode.version}"
    if stat.owner != znode.owner:
        return f"owner {stat.owner:#x} instead of {znode.owner:#x}"
    if data != znode.data:
        return f"data {data[:40]!r} instead of {znode.data[:40]!r}"
    return None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a crash left of a writer's requests."""

    znodes: Znodes
    unanswered_applied: int


def settle(acknowledged: Znodes, unanswered: Iterable[Op], observed: Observed) -> Settled | str:
    """Finds how many unanswered requests took effect; in words what is wrong when no number fits."""
    candidate = acknowledged.copy()
    first = candidate.difference(observed)
    if first is None:
        return Settled(candidate, 0)
    closest = first
    for applied, op in enumerate(unanswered, 1):
        candidate.apply(op)
        difference = candidate.difference(observed)
        if difference is None:
            return Settled(candidate, applied)
        closest = difference
    return f"as acknowledged: {first}; with all unanswered requests: {closest}"
