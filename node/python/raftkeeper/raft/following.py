"""What a follower does with the word of its leader: takes entries, cuts off wrong ones, commits.

Nothing here answers before the disk: replies go into `held`, and leave when what they rest on is
durable. A committed entry is never cut off: who asks for that is no leader of this ensemble.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft.effects import SnapshotMeta
from raftkeeper.raft.invariants import AcknowledgedLost, invariant
from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import (
    NOBODY,
    Append,
    AppendReply,
    Entry,
    EntryKind,
    Heartbeat,
    HeartbeatReply,
    Index,
    MemberId,
    Role,
    SnapshotFetch,
    SnapshotOffer,
)
from raftkeeper.raft.roles import become_follower

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


def on_append(core: "RaftCore", append: Append) -> None:
    """Entries, or only the question whether the one before them is the same here."""
    _hear_leader(core, append.sender)
    prev_index, entries = append.prev_index, append.entries
    if prev_index < core.commit_index:
        # What is committed is the same everywhere: no need to look, and perhaps no way.
        entries = entries[core.commit_index - prev_index :]
        prev_index = core.commit_index
    elif core.log.term_at(prev_index) != append.prev_term:
        match_index, hint_term = core.log.find_agreement(prev_index, append.prev_term)
        _reply(core, append, match_index, hint_term)
        return
    _take(core, entries)
    match_index = prev_index + len(entries)
    _commit(core, min(append.commit, match_index))
    _reply(core, append, match_index, None)


def on_heartbeat(core: "RaftCore", heartbeat: Heartbeat) -> None:
    """The leader lives, and knows how much of this log is committed."""
    _hear_leader(core, heartbeat.sender)
    if heartbeat.commit > core.last_index:
        raise AcknowledgedLost(
            f"the log ends at entry {core.last_index}, and this member had acknowledged entry"
            f" {heartbeat.commit} to the leader, which is member {heartbeat.sender}"
        )
    _commit(core, heartbeat.commit)
    if heartbeat.sequence:
        # It says which term this member is in and nothing about entries: no need to wait for them.
        replies = core.outbox if core.durable_term == core.term else core.held
        me = core.config.member_id
        replies.append(HeartbeatReply(me, heartbeat.sender, core.term, heartbeat.sequence))


def on_snapshot_offer(core: "RaftCore", offer: SnapshotOffer) -> None:
    """The leader's log begins behind this one's end. One fetch at a time, even of an older one:
    newer ones would come up for ever.
    """
    _hear_leader(core, offer.sender)
    if offer.covers_index <= core.commit_index:
        _tell_match(core, offer.sender, core.commit_index)
    elif core.fetch is None:
        core.fetch = SnapshotFetch(offer.sender, offer.covers_index)
        core.fetch_due = True


def restore(core: "RaftCore", meta: SnapshotMeta) -> bool:
    """A fetched snapshot is durable; whether it takes the place of the log."""
    core.fetch = None
    core.fetch_due = False
    if core.role is Role.LEADER or meta.index <= core.commit_index:
        return False
    is_needed = core.log.term_at(meta.index) != meta.term
    if not is_needed:
        # The log got there another way. It is the same up to there, and may go further.
        _commit(core, meta.index)
    else:
        if meta.term > core.term:
            become_follower(core, meta.term, NOBODY)
        core.replace_log(meta)
    if core.leader_id != NOBODY:
        _tell_match(core, core.leader_id, core.commit_index)
    return is_needed


def _hear_leader(core: "RaftCore", leader_id: MemberId) -> None:
    if core.leader_id != leader_id or core.role is not Role.FOLLOWER:
        invariant(
            core.role is not Role.LEADER and core.leader_id in (NOBODY, leader_id),
            f"term {core.term} has one leader: {core.leader_id} or {leader_id}",
        )
        become_follower(core, core.term, leader_id)
    core.election.heard_leader()


def _take(core: "RaftCore", entries: tuple[Entry, ...]) -> None:
    """Entries that are here already stay: an old message must not cut off newer entries."""
    log = core.log
    for entry in entries:
        if entry.index <= log.last_index:
            if log.term_at(entry.index) == entry.term:
                continue
            core.cut_off(entry.index)
        log.append(entry)
        if entry.kind == EntryKind.CONFIG:
            core.follow_config(Membership.decode(entry.payload))


def _commit(core: "RaftCore", index: Index) -> None:
    core.commit_index = max(core.commit_index, index)


def _reply(core: "RaftCore", append: Append, match_index: Index, hint_term: int | None) -> None:
    """`hint_term`: of the entry from which on to look further back; None when all is well."""
    core.held.append(
        AppendReply(
            core.config.member_id,
            append.sender,
            core.term,
            append.prev_index,
            hint_term is None,
            match_index,
            hint_term or 0,
            append.sequence,
        )
    )


def _tell_match(core: "RaftCore", leader_id: MemberId, match_index: Index) -> None:
    me = core.config.member_id
    core.held.append(AppendReply(me, leader_id, core.term, match_index, True, match_index, 0, 0))
