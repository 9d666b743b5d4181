"""Feeding the followers: what each is sent next, and what their answers change.

Messages are made when a Ready is taken, not when something happens: so everything that was proposed
since the last one goes out together. What is under way to each follower is bounded by count and
bytes; what is no longer in memory is asked from the driver, one range at a time.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from raftkeeper.raft.invariants import broken, invariant
from raftkeeper.raft.leadership import Leadership, advance_commit
from raftkeeper.raft.messages import (
    Append,
    AppendReply,
    ColdSend,
    Entry,
    Heartbeat,
    HeartbeatReply,
    Index,
    MemberId,
    SnapshotOffer,
)
from raftkeeper.raft.progress import FollowerState, FollowerView, Progress
from raftkeeper.raft.transfer import go_on

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


def feed_followers(core: "RaftCore", lead: Leadership) -> None:
    """Sends to each what it may get now; who gets nothing else hears of the commit."""
    lead.due = False
    last_index = core.last_index
    for member, progress in lead.followers.items():
        if progress.state is FollowerState.REPLICATE:
            if progress.next_index <= last_index or progress.nudge:
                _replicate(core, lead, member, progress)
        elif progress.state is FollowerState.PROBE:
            _probe(core, lead, member, progress)
        if progress.state is FollowerState.SNAPSHOT:
            _offer_snapshot(core, member, progress)
        commit = min(core.commit_index, progress.match_index)
        if commit > progress.told_commit:
            progress.told_commit = commit
            core.outbox.append(Heartbeat(core.config.member_id, member, core.term, commit, 0))


def on_append_reply(core: "RaftCore", lead: Leadership, reply: AppendReply) -> None:
    """A follower says what it has on disk, or where the logs part."""
    progress = lead.followers.get(reply.sender)
    if progress is None:
        return
    if reply.accepted:
        _on_accepted(core, lead, reply, progress)
    else:
        _on_refused(core, lead, reply, progress)
    progress.heard(core.last_index, core.config.election_ticks)


def on_heartbeat_reply(core: "RaftCore", lead: Leadership, reply: HeartbeatReply) -> None:
    """A follower is there."""
    progress = lead.followers.get(reply.sender)
    if progress is not None:
        progress.heard(core.last_index, core.config.election_ticks)


def on_cold_read(
    core: "RaftCore", lead: Leadership, cold: ColdSend, entries: Iterable[Entry]
) -> None:
    """The entries that were read from disk go out; none: they are asked for again a little later."""
    progress = lead.followers.get(cold.to)
    if progress is None or progress.cold != cold or cold.term != core.term:
        return
    progress.cold = None
    lead.due = True
    found = tuple(entries)
    if not found:
        progress.waiting = True
        return
    invariant(
        found[0].index == cold.first
        and found[-1].index == cold.first + len(found) - 1 <= cold.last,
        f"entries {cold.first}..{cold.last} were read from disk",
    )
    if progress.next_index == cold.first > core.log.base_index:
        size = sum(len(entry.payload) for entry in found)
        _send(core, lead, cold.to, progress, (found, size))


def view_followers(core: "RaftCore", lead: Leadership) -> tuple[FollowerView, ...]:
    """For the administration."""
    return tuple(
        FollowerView(
            member=member,
            state=progress.state,
            match_index=progress.match_index,
            next_index=progress.next_index,
            active=progress.ticks_silent <= core.config.election_ticks,
            ticks_silent=progress.ticks_silent,
            caught_up=progress.is_caught_up(core.config.election_ticks),
            in_flight=progress.in_flight,
            unfit=progress.unfit,
        )
        for member, progress in lead.followers.items()
    )


def decide_tail_index(core: "RaftCore", lead: Leadership) -> Index:
    """The first entry that a living follower may still need from this log."""
    tail = core.last_index + 1
    for progress in lead.followers.values():
        if progress.ticks_silent <= core.config.election_ticks:
            has = progress.match_index
            if progress.state is FollowerState.SNAPSHOT:
                has = progress.pending_index
            tail = min(tail, has + 1)
    return tail


def _replicate(core: "RaftCore", lead: Leadership, member: MemberId, progress: Progress) -> None:
    config, log = core.config, core.log
    nudge, progress.nudge = progress.nudge, False
    if progress.next_index <= log.base_index:
        progress.become_snapshot()
        return
    while (
        progress.next_index <= log.last_index
        and not progress.waiting
        and progress.cold is None
        and progress.has_room(config.window_count, config.window_bytes)
    ):
        first = progress.next_index
        if first < log.hot_first:
            last = min(log.hot_first - 1, first + config.cold_entries_max - 1)
            progress.cold = ColdSend(member, core.term, first, last)
            core.sends_cold.append(progress.cold)
        else:
            _send(core, lead, member, progress, log.hot_batch(first, config.append_bytes_max))
        nudge = False
    if nudge:
        _ask(core, lead, member, progress)


def _probe(core: "RaftCore", lead: Leadership, member: MemberId, progress: Progress) -> None:
    """One question at a time. It brings entries along where they are in memory."""
    if progress.waiting:
        return
    log, first = core.log, progress.next_index
    if first <= log.base_index:
        progress.become_snapshot()
        return
    progress.waiting = True
    if log.hot_first <= first <= log.last_index:
        entries, _ = log.hot_batch(first, core.config.append_bytes_max)
        core.outbox.append(_build_append(core, lead, member, first, entries))
    else:
        _ask(core, lead, member, progress)


def _offer_snapshot(core: "RaftCore", member: MemberId, progress: Progress) -> None:
    if progress.waiting:
        return
    progress.waiting = True
    progress.pending_index = core.log.base_index
    core.outbox.append(
        SnapshotOffer(core.config.member_id, member, core.term, progress.pending_index)
    )


def _ask(core: "RaftCore", lead: Leadership, member: MemberId, progress: Progress) -> None:
    """No entries: only whether the one before the next is there."""
    core.outbox.append(_build_append(core, lead, member, progress.next_index, ()))


def _send(
    core: "RaftCore",
    lead: Leadership,
    member: MemberId,
    progress: Progress,
    batch: tuple[tuple[Entry, ...], int],
) -> None:
    entries, size = batch
    core.outbox.append(_build_append(core, lead, member, progress.next_index, entries))
    last_index = entries[-1].index
    progress.sent(last_index, size)
    progress.told_commit = max(progress.told_commit, min(core.commit_index, last_index))


def _build_append(
    core: "RaftCore", lead: Leadership, member: MemberId, first: Index, entries: tuple[Entry, ...]
) -> Append:
    return Append(
        core.config.member_id,
        member,
        core.term,
        first - 1,
        core.log.term_at(first - 1) or 0,
        entries,
        core.commit_index,
        lead.sequence,
    )


def _on_accepted(
    core: "RaftCore", lead: Leadership, reply: AppendReply, progress: Progress
) -> None:
    match_index = reply.match_index
    if match_index > core.last_index:
        broken(f"member {reply.sender} has what this leader sent")
    is_news = progress.accepted(match_index)
    if progress.state is not FollowerState.REPLICATE:
        _on_sure(core, lead, progress, match_index)
    elif progress.next_index <= core.last_index or progress.told_commit < core.commit_index:
        lead.due = True
    if is_news:
        lead.match[reply.sender] = match_index
        if match_index > core.commit_index:
            advance_commit(core, lead)
        go_on(core, lead)


def _on_sure(core: "RaftCore", lead: Leadership, progress: Progress, match_index: Index) -> None:
    """In PROBE the question's own answer, or a better one; in SNAPSHOT the log can go on from here."""
    is_probing = progress.state is FollowerState.PROBE
    if match_index >= (progress.next_index - 1 if is_probing else core.log.base_index):
        progress.become_replicate()
    lead.due = True


def _on_refused(core: "RaftCore", lead: Leadership, reply: AppendReply, progress: Progress) -> None:
    """The next question skips whole runs of terms; what was asked in vain before is forgotten."""
    is_answer = reply.prev_index == progress.next_index - 1
    is_probing = progress.state is FollowerState.PROBE
    is_replicating = progress.state is FollowerState.REPLICATE
    if (is_probing and is_answer) or (is_replicating and reply.prev_index > progress.match_index):
        agreement, _ = core.log.find_agreement(reply.match_index, reply.hint_term)
        progress.become_probe(min(agreement + 1, reply.prev_index))
        lead.due = True
