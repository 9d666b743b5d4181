"""What a member holds while it leads: progress of the others, commit, quorum, the end of changes.

It exists from the election to the end of the leadership, so nothing of one term can leak into the
next. Feeding the followers is replication.py's; handing over is transfer.py's.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft.change import leave_joint
from raftkeeper.raft.messages import (
    EntryKind,
    Heartbeat,
    Index,
    MemberId,
    TimeoutNow,
)
from raftkeeper.raft.progress import Progress
from raftkeeper.raft.quorum import decide_commit_index, has_quorum

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore
    from raftkeeper.raft.transfer import Transfer


class Leadership:
    """Of one term. `followers` are all others of the membership, learners too, and who is leaving."""

    __slots__ = (
        "change_open",
        "due",
        "followers",
        "heartbeat_ticks",
        "match",
        "noop_index",
        "quorum_ticks",
        "sequence",
        "transfer",
    )

    def __init__(self, core: "RaftCore") -> None:
        self.followers: dict[MemberId, Progress] = {}
        self.match: dict[MemberId, Index] = {core.config.member_id: core.persisted_index}
        """Durable, as far as is known; of this member too."""
        self.noop_index: Index = 0
        """Of the first entry of the term. Until it is committed nothing is known to be."""
        self.sequence = 1
        """The newest round of confirmation. 0 would mean that nobody has to answer."""
        self.heartbeat_ticks = 0
        self.quorum_ticks = 0
        self.due = False
        """There may be something to send."""
        self.change_open = True
        """The membership is joint or not committed, or was when it was looked at last."""
        self.transfer: Transfer | None = None
        self.follow_membership(core)

    def follow_membership(self, core: "RaftCore") -> None:
        """New members are probed from the end of the log. Who leaves is fed until that is committed:
        a member that knows of its removal stops; one that does not asks for votes for ever.
        """
        for member in sorted(core.members - self.followers.keys()):
            self.followers[member] = Progress(core.last_index + 1)
        self.due = bool(self.followers)

    def part_with_leavers(self, core: "RaftCore") -> None:
        """Their leaving is committed, and so they are told, once."""
        for gone in sorted(self.followers.keys() - core.members):
            told = min(core.commit_index, self.followers.pop(gone).match_index)
            self.match.pop(gone, None)
            core.outbox.append(Heartbeat(core.config.member_id, gone, core.term, told, 0))


def tick(core: "RaftCore", lead: Leadership) -> bool:
    """Heartbeats, and from time to time the question whether a quorum still follows.

    False when it does not: then somebody else may lead already, and this member must not go on. It
    asks nobody to stand in its place: one that hears nobody is soon not heard either. Measured, TCP
    sends nothing new 230 ms after the last acknowledgement, before this can be noticed.
    """
    if not lead.followers:
        return True
    for progress in lead.followers.values():
        progress.tick()
    lead.heartbeat_ticks += 1
    if lead.heartbeat_ticks >= core.config.heartbeat_ticks:
        lead.heartbeat_ticks = 0
        send_heartbeats(core, lead, again=True)
    lead.quorum_ticks += 1
    if lead.quorum_ticks < core.config.election_ticks:
        return True
    lead.quorum_ticks = 0
    active = [member for member, progress in lead.followers.items() if progress.was_active]
    for progress in lead.followers.values():
        progress.was_active = False
    return has_quorum(core.membership, [*active, core.config.member_id])


def send_heartbeats(core: "RaftCore", lead: Leadership, *, again: bool) -> None:
    """One to each. `again`: what was asked and not answered since the last time is asked again."""
    me, commit = core.config.member_id, core.commit_index
    for member, progress in lead.followers.items():
        # Not ahead of what the follower is known to have: beyond that its log may be another.
        told = min(commit, progress.match_index)
        core.outbox.append(Heartbeat(me, member, core.term, told, lead.sequence))
        progress.told_commit = max(progress.told_commit, told)
        if again:
            progress.remind()
    if again:
        lead.due = True


def advance_commit(core: "RaftCore", lead: Leadership) -> None:
    """Commits what a quorum holds.

    Entries of earlier terms are never committed by counting copies (Raft, section 5.4.2): they are
    when an entry of the own term behind them is.
    """
    index = decide_commit_index(core.membership, lead.match)
    if index <= core.commit_index or core.log.term_at(index) != core.term:
        return
    core.commit_index = index
    if lead.followers:
        lead.due = True
    if lead.change_open:
        _go_on_with_change(core, lead)


def is_in_charge(core: "RaftCore", lead: Leadership) -> bool:
    """Whether an entry of the own term is committed: only then it is known what is."""
    return core.commit_index >= lead.noop_index


def _go_on_with_change(core: "RaftCore", lead: Leadership) -> None:
    """A committed joint membership is left; a leader that no longer belongs to the voters goes."""
    if core.commit_index < core.config_index:
        return
    if core.membership.is_joint:
        append_membership(core, lead)
        return
    lead.change_open = False
    lead.part_with_leavers(core)
    if not core.membership.may_vote(core.config.member_id):
        core.resign_due = True


def append_membership(core: "RaftCore", lead: Leadership) -> None:
    """Leaves the joint membership. Nobody has to ask for it."""
    membership = leave_joint(core.membership)
    core.append(EntryKind.CONFIG, membership.encode())
    core.follow_config(membership)
    lead.change_open = True
    lead.follow_membership(core)


def say_farewell(core: "RaftCore", lead: Leadership) -> None:
    """A leader that was removed lets the voter with the longest log stand at once, instead of being
    missed. There is one: its removal was committed by them.
    """
    _, successor = max((lead.match.get(voter, 0), -voter) for voter in core.membership.voters)
    core.outbox.append(TimeoutNow(core.config.member_id, -successor, core.term))
