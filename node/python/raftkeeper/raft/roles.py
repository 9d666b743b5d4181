"""How a member becomes follower, candidate or leader: the only place where term and role move.

Each transition leaves a core that `check_core` accepts. Who may go where, and when, is decided by
voting.py, following.py and leadership.py.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft.leadership import Leadership, say_farewell
from raftkeeper.raft.messages import NOBODY, EntryKind, MemberId, Role, Term
from raftkeeper.raft.replication import feed_followers

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


def become_follower(core: "RaftCore", term: Term, leader_id: MemberId) -> None:
    """Of `leader_id`, or of nobody yet. A newer term begins without a vote."""
    if term > core.term:
        core.term = term
        core.vote = NOBODY
    if core.leading is not None:
        core.leading = None
        core.election.heard_leader()
    core.role = Role.FOLLOWER
    if leader_id not in {NOBODY, core.leader_id}:
        # Who never stands would keep its draw for ever: short ones are used up, and long ones stay.
        core.redraw_timeout = True
    know_leader(core, leader_id)


def become_pre_candidate(core: "RaftCore") -> None:
    """Asks first: a member that was cut off must not force a new term on all when it is back."""
    core.role = Role.PRE_CANDIDATE
    know_leader(core, NOBODY)
    core.election.start()
    core.redraw_timeout = True


def become_candidate(core: "RaftCore", *, forced: bool) -> None:
    """In a new term. The own vote counts once it is durable."""
    core.term += 1
    core.vote = core.config.member_id
    core.role = Role.CANDIDATE
    know_leader(core, NOBODY)
    core.election.start(forced=forced)
    core.redraw_timeout = True


def become_leader(core: "RaftCore") -> None:
    """Of the term it was elected in. The first entry commits what it has inherited."""
    core.role = Role.LEADER
    know_leader(core, core.config.member_id)
    core.leading = Leadership(core)
    core.leading.noop_index = core.append(EntryKind.NOOP, b"")


def resign_if_due(core: "RaftCore") -> None:
    """A leader that was removed tells all that it is committed, and lets another stand at once."""
    if core.resign_due and core.leading is not None:
        feed_followers(core, core.leading)
        say_farewell(core, core.leading)
        become_follower(core, core.term, NOBODY)
    core.resign_due = False


def know_leader(core: "RaftCore", leader_id: MemberId) -> None:
    """Reads that wait for another leader will not be answered any more."""
    if core.leader_id != leader_id:
        core.leader_id = leader_id
        core.reads.lose_leader()
