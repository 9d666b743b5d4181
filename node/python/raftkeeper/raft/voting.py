"""Elections: standing, asking, answering and counting. What is asked is in messages.py.

Nobody answers yes while it hears a leader (stickiness), except when the leader itself asked for the
election. A vote leaves this member only when it is durable, and a vote is asked for only when the whole
log is.
"""

from typing import TYPE_CHECKING

from raftkeeper.raft.election import APART_TICKS, decide_deference_ticks, decide_order
from raftkeeper.raft.invariants import invariant
from raftkeeper.raft.leadership import Leadership
from raftkeeper.raft.messages import (
    NOBODY,
    HardState,
    MemberId,
    PreVoteReply,
    PreVoteRequest,
    Removed,
    Role,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from raftkeeper.raft.quorum import VoteResult
from raftkeeper.raft.roles import (
    become_candidate,
    become_follower,
    become_leader,
    become_pre_candidate,
    know_leader,
)

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


def tick(core: "RaftCore") -> None:
    """One tick went by without this member leading."""
    election = core.election
    deference_ticks = 0
    if election.elapsed_ticks + 1 >= election.timeout_ticks:
        config = core.config
        deference_ticks = decide_deference_ticks(
            config.member_id, core.membership, config.preferred_zones, config.election_ticks
        )
    is_time = election.tick(core.role, core.membership, deference_ticks)
    if is_time and may_stand(core):
        stand(core)
    elif is_time and not is_removed(core):
        _ask_around(core)
    elif core.role is not Role.FOLLOWER:
        ask_for_votes(core)


def may_stand(core: "RaftCore") -> bool:
    """Whether this is a voter of the committed membership or of a later one.

    The newest alone would not do (thesis 4.2.2): a leader that a change removes can be the only one
    to hold the change's last entry, while the others, still joint, need its vote and cannot get it.
    Then it must lead once more. Its own vote counts only where the newest membership has it.
    """
    is_voter = core.memberships.is_voter_since(core.commit_index, core.config.member_id)
    return is_voter and not core.election.removed


def is_removed(core: "RaftCore") -> bool:
    """Whether it is known to be committed that this is no member any more. False for one that has
    not read so far as to where it was added: its id is not given out there yet.
    """
    me, membership = core.config.member_id, core.membership
    is_out = me < membership.next_id and me not in membership.everyone
    return core.election.removed or (is_out and core.commit_index >= core.config_index)


def stand(core: "RaftCore") -> None:
    """Stands for election, after asking whether it would be elected. A sole voter asks nobody."""
    me = core.config.member_id
    invariant(may_stand(core), "only voters stand for election")
    if core.membership.is_sole_voter(me):
        become_candidate(core, forced=False)
        return
    become_pre_candidate(core)
    core.election.record(me, granted=True, membership=core.membership)
    ask_for_votes(core)


def ask_for_votes(core: "RaftCore") -> None:
    """Asks those that have not answered: again with every tick, since any message may be lost.

    The own vote need not be durable yet: the election is won only when it is. What the log is said to
    hold must be. A crash would take it back, and before its vote was durable the next life may well
    stand in the same term, without the entries, and count the votes that were given for them. Waiting
    costs nothing: the own vote is behind those entries on the same disk. A pre-vote is no promise.
    """
    me, log = core.config.member_id, core.log
    if core.role is Role.CANDIDATE and not log.is_durable:
        return  # `on_log_durable` asks
    for member in core.election.unheard(core.membership):
        if core.role is Role.PRE_CANDIDATE:
            core.outbox.append(
                PreVoteRequest(me, member, core.term + 1, log.last_index, log.last_term)
            )
        else:
            forced = core.election.forced
            core.outbox.append(
                VoteRequest(me, member, core.term, log.last_index, log.last_term, forced)
            )


def has_live_leader(core: "RaftCore") -> bool:
    """Whether a leader was heard within the shortest election timeout, or this member leads."""
    if core.leading is not None:
        return True
    heard = core.election.elapsed_ticks < core.config.election_ticks
    return core.leader_id != NOBODY and heard


def on_leader_unreachable(core: "RaftCore") -> None:
    """The connection to the leader broke: stands soon, the most preferred first."""
    order = decide_order(core.membership, core.config.preferred_zones, core.leader_id)
    know_leader(core, NOBODY)
    if not may_stand(core):
        return
    me = core.config.member_id
    # Who is being removed goes last: the others can do without it, unless it holds more than they.
    rank = order.index(me) if me in order else len(order)
    if rank == 0:
        stand(core)
    else:
        core.election.stand_within(rank * APART_TICKS)


def on_pre_vote_request(core: "RaftCore", request: PreVoteRequest) -> None:
    """Would this member vote for it?"""
    is_due = request.term > core.term and not has_live_leader(core)
    granted = is_due and core.log.is_covered_by(request.last_index, request.last_term)
    term = request.term if granted else core.term
    core.outbox.append(PreVoteReply(core.config.member_id, request.sender, term, granted))
    if core.leading is not None and _is_gone(core, core.leading, request.sender):
        core.outbox.append(Removed(core.config.member_id, request.sender, core.term))
    if granted and core.role is Role.PRE_CANDIDATE and _is_preferred(core, request.sender):
        # Both would be told yes by all, and split the vote.
        become_follower(core, core.term, NOBODY)
        core.election.wait_again()
    elif is_due and not granted and core.role is Role.FOLLOWER and may_stand(core):
        # Two miss the leader, and only this one can be elected: there is no point in waiting longer.
        core.election.stand_within(APART_TICKS)


def on_pre_vote_reply(core: "RaftCore", reply: PreVoteReply) -> None:
    """Only a yes counts: a no may become one when the leader has been silent for longer."""
    if core.role is not Role.PRE_CANDIDATE or not reply.granted or reply.term != core.term + 1:
        return
    result = core.election.record(reply.sender, granted=True, membership=core.membership)
    if result is VoteResult.WON:
        become_candidate(core, forced=False)
        ask_for_votes(core)


def on_removed(core: "RaftCore", word: Removed) -> None:
    """A leader says what this member's own log does not. Not kept: after a restart it asks again.

    Its term may be behind the own: who stood in vain is in a term that the others never hear of.
    """
    become_follower(core, core.term, word.sender if word.term == core.term else NOBODY)
    core.election.removed = True


def on_vote_request(core: "RaftCore", request: VoteRequest) -> None:
    """One vote a term, and only for a log that holds everything this one does."""
    is_free = core.vote == NOBODY and core.leader_id == NOBODY
    granted = (is_free or core.vote == request.sender) and core.log.is_covered_by(
        request.last_index, request.last_term
    )
    if granted:
        core.vote = request.sender
        become_follower(core, core.term, core.leader_id)
        core.election.wait_again()
    core.held.append(VoteReply(core.config.member_id, request.sender, core.term, granted))


def on_vote_reply(core: "RaftCore", reply: VoteReply) -> None:
    """A vote of this term, for or against."""
    if core.role is Role.CANDIDATE:
        _count(core, reply.sender, granted=reply.granted)


def on_hard_state_durable(core: "RaftCore", hard_state: HardState) -> None:
    """The own vote counts from now on, if it is of this very election."""
    me = core.config.member_id
    if core.role is Role.CANDIDATE and hard_state == (core.term, me):
        _count(core, me, granted=True)


def on_log_durable(core: "RaftCore") -> None:
    """The last entry of the log is durable: now a candidate may say that it has it."""
    if core.role is Role.CANDIDATE:
        ask_for_votes(core)


def on_timeout_now(core: "RaftCore", order: TimeoutNow) -> None:
    """The leader hands over: stands without asking first, since the leader is alive."""
    if order.sender == core.leader_id and may_stand(core):
        become_candidate(core, forced=True)
        ask_for_votes(core)


def _ask_around(core: "RaftCore") -> None:
    """A learner hears nobody: perhaps it was removed while it was away. A leader would say so to who
    asks for votes; nothing else comes of the question, for it does not stand.

    Nor does it believe in that leader any longer: its own vote may be needed, by a membership that it
    has not read yet.
    """
    know_leader(core, NOBODY)
    core.election.wait_again()
    me, log = core.config.member_id, core.log
    for voter in sorted(core.membership.voters):
        core.outbox.append(PreVoteRequest(me, voter, core.term + 1, log.last_index, log.last_term))


def _is_gone(core: "RaftCore", lead: Leadership, sender: MemberId) -> bool:
    """Whether it is committed that this is no member. It may lack the very entry that says so. Ids
    are never given out again, so what is true of one today stays true.
    """
    is_known = sender >= core.membership.next_id or sender in core.membership.everyone
    return not (is_known or lead.change_open)


def _count(core: "RaftCore", member: MemberId, *, granted: bool) -> None:
    result = core.election.record(member, granted=granted, membership=core.membership)
    # The own vote must be durable before anything rests on it, whatever the others say.
    if result is VoteResult.WON and core.election.has_own_vote:
        become_leader(core)
    elif result is VoteResult.LOST:
        become_follower(core, core.term, NOBODY)


def _is_preferred(core: "RaftCore", rival: MemberId) -> bool:
    order = decide_order(core.membership, core.config.preferred_zones, NOBODY)
    me = core.config.member_id
    return me in order and rival in order and order.index(rival) < order.index(me)
