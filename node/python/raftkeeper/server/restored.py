"""What storage has recovered, in the core's words: the two packages do not know each other.

A pure translation; whoever opens a directory (the node, the simulator, the crash tests) uses this one.
"""

from raftkeeper.raft import HardState, Membership, Restored
from raftkeeper.storage import Recovered


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
