"""What must hold at all times, by number, and how a breach is said. Alive in production.

`check_core` reads everything and costs little, but not nothing: the simulator and the tests call it
after every step; the core itself checks only what it is about to rely on.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft.messages import NOBODY, Role

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


class InvariantBroken(Exception):
    """The state contradicts itself: the process must stop before it promises anything more."""


def invariant(condition: object, sentence: str) -> None:
    """Raises InvariantBroken with the sentence that should have been true."""
    if not condition:
        raise InvariantBroken(sentence)


def check_core(core: "RaftCore") -> None:
    """Every property of one member's core."""
    log = core.log
    invariant(core.applied_index <= core.commit_index, "1: only committed entries are applied")
    invariant(core.commit_index <= log.last_index, "2: only entries of the log are committed")
    invariant(log.persisted_index <= log.last_index, "3: only entries of the log are durable")
    invariant(core.commit_index <= log.persisted_index, "4: a sole voter commits what is durable")
    invariant(log.first_index <= log.last_index + 1, "5: the log has no negative length")
    invariant(core.applied_index >= log.first_index - 1, "6: nothing unapplied is compacted")
    invariant((log.term_at(log.last_index) or 0) <= core.term, "7: no entry is of a term to come")
    invariant(
        core.role is not Role.LEADER or core.leader_id == core.config.member_id,
        "8: a leader knows who leads",
    )
    invariant(
        core.role is Role.FOLLOWER or core.vote == core.config.member_id,
        "9: candidates and leaders have voted for themselves",
    )
    invariant(
        core.role is Role.LEADER or core.leader_id != core.config.member_id,
        "10: nobody but the leader takes itself for it",
    )
    invariant(core.term > 0 or core.vote == NOBODY, "11: there is no vote in term 0")
    log.check()
