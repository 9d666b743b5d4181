"""What storage has recovered, handed to the core and the engine: the packages do not know each other.

Whoever opens a directory (the node, `inspect`, the simulator, the crash tests) uses these; so what one
of them accepts, all do.
"""

from collections.abc import Iterable
from pathlib import Path

from raftkeeper._engine import Engine
from raftkeeper.raft import (
    EntryKind,
    HardState,
    InvariantBroken,
    Membership,
    RaftConfig,
    RaftCore,
    Restored,
)
from raftkeeper.storage import DAMAGE_WAY_OUT, Record, Recovered, StorageError


def restored_from(recovered: Recovered) -> Restored:
    """The core's past."""
    snapshot = recovered.snapshot
    return Restored(
        hard_state=HardState(recovered.term, recovered.vote),
        snapshot_index=snapshot.index if snapshot else 0,
        snapshot_term=snapshot.term if snapshot else 0,
        membership=Membership.decode(snapshot.membership) if snapshot else None,
        config_index=snapshot.config_index if snapshot else 0,
        term_starts=recovered.term_starts,
        last_index=recovered.last_index,
        configs=recovered.configs,
    )


def build_core(config: RaftConfig, recovered: Recovered, path: Path) -> RaftCore:
    """A core on what the directory `path` holds. StorageError where that contradicts itself: the next
    start would find the same, so it is damage like any other.
    """
    try:
        return RaftCore(config, restored_from(recovered))
    except InvariantBroken as broken:
        what = f"its files contradict each other, for it does not hold that {broken}"
        raise StorageError(path, what, DAMAGE_WAY_OUT) from broken


def load_state(engine: Engine, pieces: Iterable[bytes] | None, records: Iterable[Record]) -> None:
    """An empty engine gets a snapshot, if there is one, and applies the entries behind it, committed
    or not. For who looks or takes over, not for who serves. EngineError where they do not fit.
    """
    if pieces is not None:
        engine.restore_begin()
        for piece in pieces:
            engine.restore_piece(piece)
        engine.restore_end()
    for index, _, kind, payload in records:
        engine.apply(index, payload if kind == EntryKind.BATCH else b"", 0)
