"""Changes of the membership: what may be asked for, and what becomes of it (thesis 4).

A change of voters goes through a joint membership, in which both the old and the new voters must
agree to everything; the leader leaves it as soon as it is committed. A change that leaves the voters
as they are is one entry. There is one change at a time, and each says which membership it means to
change: so a request that comes twice is refused the second time instead of being done twice.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, assert_never

from raftkeeper.raft.membership import Member, Membership
from raftkeeper.raft.messages import NOBODY, EntryKind, Index, MemberId

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore
    from raftkeeper.raft.leadership import Leadership


@dataclass(frozen=True, slots=True)
class AddLearner:
    """A new member that listens. Its id will be `Membership.next_id`."""

    incarnation: bytes
    address: str
    zone: str = ""
    priority: int = 1


@dataclass(frozen=True, slots=True)
class Promote:
    """A learner that has caught up becomes a voter."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class Remove:
    """A voter or a learner goes, for ever: its id is not given out again."""

    member: MemberId


@dataclass(frozen=True, slots=True)
class Replace:
    """A learner that has caught up becomes a voter in the place of another, in one step."""

    leaving: MemberId
    joining: MemberId


@dataclass(frozen=True, slots=True)
class Update:
    """Other details of a member."""

    member: MemberId
    address: str
    zone: str
    priority: int


@dataclass(frozen=True, slots=True)
class RaiseLevel:
    """A higher feature level is in use from now on, for ever. Who asks for it has seen that every member
    speaks it; the comparison with the config index makes that hold for those that join meanwhile.
    """

    level: int


Change: TypeAlias = AddLearner | Promote | Remove | Replace | Update | RaiseLevel


class ChangeRefusal(Enum):
    """Why a change was not begun."""

    STALE = "the membership is another by now: look at it and ask again"
    BUSY = "an earlier change or a transfer of leadership is under way, or the leader is too new"
    UNKNOWN_MEMBER = "there is no such member"
    WRONG_ROLE = "only a learner can become a voter, and only a voter can be replaced"
    NOT_CAUGHT_UP = "the learner has not caught up yet"
    LAST_VOTER = "the last voter cannot be removed"
    EXISTS = "this incarnation is a member already"


class ChangeRefused(Exception):
    """Nothing was done."""

    def __init__(self, reason: ChangeRefusal, member: MemberId = NOBODY) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.member = member
        """With EXISTS: the id it has."""


def propose_change(
    core: "RaftCore", lead: "Leadership", change: Change, config_index: Index
) -> Index:
    """Puts the first entry of a change into the log; it counts at once."""
    if config_index != core.config_index:
        raise ChangeRefused(ChangeRefusal.STALE)
    # Thesis 4.1 and its correction of 2015: not before an entry of the own term is committed.
    if lead.change_open or lead.transfer or core.commit_index < lead.noop_index:
        raise ChangeRefused(ChangeRefusal.BUSY)
    membership = decide_change(core.membership, change)
    for member in membership.voters - core.membership.voters:
        progress = lead.followers.get(member)
        if progress is None or not progress.is_caught_up(core.config.election_ticks):
            raise ChangeRefused(ChangeRefusal.NOT_CAUGHT_UP, member)
    index = core.append(EntryKind.CONFIG, membership.encode())
    core.follow_config(membership)
    lead.change_open = True
    lead.follow_membership(core)
    return index


def decide_change(now: Membership, change: Change) -> Membership:
    """The membership that the change leads to first; joint when the voters change. Pure."""
    match change:
        case AddLearner(incarnation, address, zone, priority):
            for member in now.members:
                if incarnation and member.incarnation == incarnation:
                    raise ChangeRefused(ChangeRefusal.EXISTS, member.id)
            joining = Member(now.next_id, incarnation, address, zone, priority)
            return _build(now, now.voters, now.learners | {joining.id}, (*now.members, joining))
        case Promote(member_id):
            _check_role(now, member_id, now.learners)
            return _build(now, now.voters | {member_id}, now.learners - {member_id})
        case Remove(member_id):
            _check_role(now, member_id, now.everyone)
            if now.voters == {member_id}:
                raise ChangeRefused(ChangeRefusal.LAST_VOTER)
            return _build(now, now.voters - {member_id}, now.learners - {member_id})
        case Replace(leaving, joining_id):
            _check_role(now, leaving, now.voters)
            _check_role(now, joining_id, now.learners)
            return _build(now, now.voters - {leaving} | {joining_id}, now.learners - {joining_id})
        case Update(member_id, address, zone, priority):
            _check_role(now, member_id, now.everyone)
            details = tuple(
                replace(member, address=address, zone=zone, priority=priority)
                if member.id == member_id
                else member
                for member in now.members
            )
            return _build(now, now.voters, now.learners, details)
        case RaiseLevel(level):
            if level <= now.level:
                raise ChangeRefused(ChangeRefusal.STALE)
            return replace(now, level=level)
    assert_never(change)


def certain_members(core: "RaftCore") -> frozenset[MemberId]:
    """Everyone whose id will never be another's.

    An entry that adds a member may yet be cut off, and its id be given to somebody else; only the
    newest membership of a log can be such a one. The first of all, which founds the ensemble, is
    certain when it is durable: its founder alone decides, and cannot commit it without the others.
    """
    history = core.memberships
    if core.commit_index >= history.current_index:
        return history.current.everyone
    before = history.before_current.everyone
    is_founding = not before and core.persisted_index >= history.current_index
    return history.current.everyone if is_founding else before


def leave_joint(joint: Membership) -> Membership:
    """The new voters alone; who was only among the old ones is no member any more."""
    return Membership.of(
        joint.voters, joint.learners, (), joint.members, joint.next_id, level=joint.level
    )


def _build(
    now: Membership,
    voters: frozenset[MemberId],
    learners: frozenset[MemberId],
    details: tuple[Member, ...] | None = None,
) -> Membership:
    outgoing = now.voters if voters != now.voters else frozenset()
    return Membership.of(
        voters, learners, outgoing, details or now.members, now.next_id, level=now.level
    )


def _check_role(now: Membership, member: MemberId, allowed: frozenset[MemberId]) -> None:
    if member not in now.everyone:
        raise ChangeRefused(ChangeRefusal.UNKNOWN_MEMBER, member)
    if member not in allowed:
        raise ChangeRefused(ChangeRefusal.WRONG_ROLE, member)
