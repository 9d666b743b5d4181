"""Handing leadership over without an election timeout (thesis 3.10): stop, catch up, let it stand.

A transfer ends with the end of this leadership, or it is given up after an election timeout and the
leader goes on as before. Preference (zones, priorities) is acted on here and not in elections.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from raftkeeper.raft.election import decide_preference
from raftkeeper.raft.membership import Member
from raftkeeper.raft.messages import NOBODY, MemberId, TimeoutNow
from raftkeeper.raft.progress import FollowerState, Progress

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore
    from raftkeeper.raft.leadership import Leadership


class TransferRefused(Exception):
    """Nothing was done; the sentence says why."""


class Transfer:
    """One that is under way."""

    __slots__ = ("ticks", "to")

    def __init__(self, to: MemberId) -> None:
        self.to = to
        self.ticks = 0


def begin_transfer(core: "RaftCore", lead: "Leadership", to: MemberId) -> None:
    """From now on nothing is proposed. `NOBODY`: to the best of those that can take over."""
    to = to or _find_best(core, lead)
    if to == NOBODY:
        raise TransferRefused("no other voter is in contact")
    if to == core.config.member_id or to not in core.membership.voters:
        raise TransferRefused(f"member {to} is not another voter")
    if lead.transfer is not None and lead.transfer.to != to:
        raise TransferRefused(f"leadership is on its way to member {lead.transfer.to}")
    if lead.transfer is None:
        lead.transfer = Transfer(to)
        go_on(core, lead)


def go_on(core: "RaftCore", lead: "Leadership") -> None:
    """Lets the member stand once it has everything. Said again with each tick: it may get lost, and
    who stands already is in a newer term and takes no notice.
    """
    transfer = lead.transfer
    if transfer is None:
        return
    progress = lead.followers.get(transfer.to)
    if progress is not None and progress.match_index == core.last_index:
        core.outbox.append(TimeoutNow(core.config.member_id, transfer.to, core.term))


def tick(core: "RaftCore", lead: "Leadership") -> None:
    """Gives up in time: a leader that takes no writes is worth nothing."""
    transfer = lead.transfer
    if transfer is None:
        return
    transfer.ticks += 1
    if transfer.ticks >= core.config.election_ticks:
        lead.transfer = None
    else:
        go_on(core, lead)


def find_preferred(core: "RaftCore", lead: "Leadership") -> MemberId:
    """A voter that is preferred to this leader and could take over at once, or NOBODY."""
    own = core.membership.member(core.config.member_id)
    other = core.membership.member(_find_ready(core, lead))
    if own is None or other is None:
        return NOBODY
    zones = core.config.preferred_zones
    return other.id if decide_preference(other, zones) > decide_preference(own, zones) else NOBODY


def mark_unfit(core: "RaftCore", member: MemberId, unfit: str) -> None:
    """What a follower says of itself: why it should not lead for now, '' when it may. It is passed
    over as long as others can; who names it to take over gets it all the same.
    """
    progress = core.leading.followers.get(member) if core.leading else None
    if progress is not None:
        progress.unfit = unfit


def find_successor(core: "RaftCore") -> MemberId:
    """On the leader: who could take over at once and should, preferred or not; or NOBODY."""
    return _find_ready(core, core.leading) if core.leading else NOBODY


def _find_ready(core: "RaftCore", lead: "Leadership") -> MemberId:
    """The most preferred of those that are fit and have caught up. One that has not would be waited
    for without writes, for an election timeout, and mostly in vain.
    """
    zones = core.config.preferred_zones
    able = [
        (decide_preference(member, zones), progress.match_index, -member.id)
        for member, progress in _in_contact(core, lead)
        if progress.is_caught_up(core.config.election_ticks) and not progress.unfit
    ]
    return -max(able)[2] if able else NOBODY


def _find_best(core: "RaftCore", lead: "Leadership") -> MemberId:
    """Where there is no such one, as with a leader that is new, whoever lacks least."""
    zones = core.config.preferred_zones
    able = [
        (progress.match_index, not progress.unfit, decide_preference(member, zones), -member.id)
        for member, progress in _in_contact(core, lead)
    ]
    return _find_ready(core, lead) or (-max(able)[3] if able else NOBODY)


def _in_contact(core: "RaftCore", lead: "Leadership") -> Iterator[tuple[Member, Progress]]:
    """The other voters that answer and take entries."""
    for member in core.membership.members:
        progress = lead.followers.get(member.id)
        if progress is None or member.id not in core.membership.voters:
            continue
        is_active = progress.ticks_silent <= core.config.election_ticks
        if is_active and progress.state is FollowerState.REPLICATE:
            yield member, progress
