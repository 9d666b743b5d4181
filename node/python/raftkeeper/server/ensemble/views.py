"""What the admin side sees of an ensemble: plain values, taken at one moment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from raftkeeper.raft import Membership, RaftCore, Role
from raftkeeper.server.ensemble.ports import PeerLinks

if TYPE_CHECKING:
    from raftkeeper.server.driver import Driver


@dataclass(frozen=True, slots=True)
class EnsembleStatus:
    """This member, as it sees itself."""

    member_id: int
    role: str
    leader_id: int
    """0 when none is known."""
    term: int
    commit_index: int
    applied_index: int
    last_index: int
    config_index: int
    level_in_use: int
    is_joint: bool
    transferring: int
    read_only: bool
    diverged: str
    """Why this member's state is not the ensemble's; '' when it is, as far as is known."""
    serving: bool
    waiting: str
    """What it waits for while it does not serve."""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member, as this one sees it. Progress is known to the leader only."""

    id: int
    role: str
    """leader, voter, learner, or leaving (a voter that the change under way removes)."""
    address: str
    zone: str
    priority: int
    incarnation: bytes
    match_index: int | None
    state: str
    caught_up: bool | None
    active: bool | None
    last_contact_ms: int | None
    link_up: bool
    unfit: str | None
    """Why it should not lead, '' when it may."""


def view_status(driver: "Driver") -> EnsembleStatus:
    """How a member sees itself."""
    core = driver.core
    return EnsembleStatus(
        member_id=core.config.member_id,
        role=describe_role(core),
        leader_id=core.leader_id,
        term=core.term,
        commit_index=core.commit_index,
        applied_index=core.applied_index,
        last_index=core.last_index,
        config_index=core.config_index,
        level_in_use=core.membership.level,
        is_joint=core.membership.is_joint,
        transferring=core.transferring,
        read_only=driver.engine.read_only,
        diverged=driver.installer.diverged,
        serving=driver.serving.is_set(),
        waiting=driver.admission.waits_for(),
    )


def list_members(
    core: RaftCore, links: PeerLinks, tick_s: float, own_unfit: str
) -> tuple[MemberStatus, ...]:
    """Everyone of the membership that counts now, by id."""
    me = core.config.member_id
    progress = {view.member: view for view in core.followers()}
    membership = core.membership
    found: list[MemberStatus] = []
    for member in membership.members:
        view = progress.get(member.id)
        leads = core.role is Role.LEADER and member.id == me
        found.append(
            MemberStatus(
                id=member.id,
                role=_role(member.id, core.leader_id, membership),
                address=member.address,
                zone=member.zone,
                priority=member.priority,
                incarnation=member.incarnation,
                match_index=view.match_index if view else core.persisted_index if leads else None,
                state=view.state.value if view else "",
                caught_up=view.caught_up if view else True if leads else None,
                active=view.active if view else True if leads else None,
                last_contact_ms=int(view.ticks_silent * tick_s * 1000) if view else None,
                link_up=member.id == me or links.is_up(member.id),
                unfit=view.unfit if view else own_unfit if member.id == me else None,
            )
        )
    return tuple(found)


def _role(member: int, leader: int, membership: Membership) -> str:
    if member == leader:
        return "leader"
    if member in membership.voters:
        return "voter"
    return "learner" if member in membership.learners else "leaving"


def describe_role(core: RaftCore) -> str:
    """The core's word, but for learners, who follow without a vote."""
    if core.role is Role.FOLLOWER and core.config.member_id in core.membership.learners:
        return "learner"
    return core.role.value
