"""A message comes in: does its term count, and whose is it? What it means is said elsewhere.

Newer terms are taken over at once, but for two cases: a pre-vote binds nobody, and a member that
hears its leader does not let a stranger's election disturb it. Older terms are answered only where
the sender would go on in vain otherwise; and what is committed counts whatever the term is.
"""

from typing import TYPE_CHECKING, assert_never

from raftkeeper.raft import following, replication, voting
from raftkeeper.raft.leadership import Leadership
from raftkeeper.raft.messages import (
    NOBODY,
    Append,
    AppendReply,
    Heartbeat,
    HeartbeatReply,
    Message,
    PreVoteReply,
    PreVoteRequest,
    ReadReply,
    ReadRequest,
    Removed,
    SnapshotOffer,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from raftkeeper.raft.roles import become_follower, resign_if_due

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore

_OF_A_LEADER = (Append, Heartbeat, SnapshotOffer, TimeoutNow)


def dispatch(core: "RaftCore", message: Message) -> None:
    """Takes the term over or refuses it, then hands the message to its file."""
    if message.to != core.config.member_id:
        return
    if message.term < core.term:
        _answer_older(core, message)
        return
    if message.term > core.term:
        match message:
            case PreVoteRequest() | PreVoteReply(granted=True):
                pass
            case VoteRequest(forced=False) if voting.has_live_leader(core):
                return
            case _:
                is_leader = isinstance(message, _OF_A_LEADER)
                become_follower(core, message.term, message.sender if is_leader else NOBODY)
    if core.leading is not None:
        _to_leader(core, core.leading, message)
    else:
        _to_others(core, message)


def _to_leader(core: "RaftCore", lead: Leadership, message: Message) -> None:
    """Answers of followers, and what may come to anybody."""
    match message:
        case AppendReply():
            core.reads.confirm(core, message.sender, message.sequence)
            replication.on_append_reply(core, lead, message)
            resign_if_due(core)
        case HeartbeatReply():
            replication.on_heartbeat_reply(core, lead, message)
            core.reads.confirm(core, message.sender, message.sequence)
        case ReadRequest():
            core.reads.add_request(message)
        case _:
            _to_others(core, message)


def _to_others(core: "RaftCore", message: Message) -> None:
    match message:
        case Append():
            following.on_append(core, message)
        case Heartbeat():
            following.on_heartbeat(core, message)
        case SnapshotOffer():
            following.on_snapshot_offer(core, message)
        case TimeoutNow():
            voting.on_timeout_now(core, message)
        case PreVoteRequest():
            voting.on_pre_vote_request(core, message)
        case PreVoteReply():
            voting.on_pre_vote_reply(core, message)
        case VoteRequest():
            voting.on_vote_request(core, message)
        case VoteReply():
            voting.on_vote_reply(core, message)
        case ReadReply():
            core.reads.on_reply(message)
        case Removed():
            voting.on_removed(core, message)
        case AppendReply() | HeartbeatReply() | ReadRequest():
            pass  # Meant for a leader that this member is no more.
        case _:
            assert_never(message)


def _answer_older(core: "RaftCore", message: Message) -> None:
    """A leader of the past steps down; a candidate of the past takes the newer term over."""
    me = core.config.member_id
    match message:
        case Append() | Heartbeat() | SnapshotOffer():
            core.held.append(HeartbeatReply(me, message.sender, core.term, 0))
        case PreVoteRequest():
            core.outbox.append(PreVoteReply(me, message.sender, core.term, False))
        case VoteRequest():
            core.held.append(VoteReply(me, message.sender, core.term, False))
        case Removed():
            voting.on_removed(core, message)
        case _:
            pass
