"""Changes of the membership, as an operator asks for them: checked, compared, done once.

A change is done at most once, however often it is asked for: it names the config index it was
decided on (compare-and-swap), and what the replicated membership already shows is answered as done,
by whichever member leads by then. Nothing here touches HTTP.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from raftkeeper.admin.member_details import check_address, check_priority, check_zone
from raftkeeper.admin.ports import (
    MemberView,
    Operations,
    Status,
    Surveyed,
    Surveyor,
    Views,
)
from raftkeeper.admin.refusals import (
    AdminRefusal,
    Code,
    from_change_refused,
    from_not_leader,
    not_leader,
)
from raftkeeper.raft import (
    AddLearner,
    Change,
    ChangeRefusal,
    ChangeRefused,
    MemberId,
    NotLeader,
    Promote,
    Remove,
    Replace,
    TransferRefused,
    Update,
)
from raftkeeper.server.feature_level import why_too_low

SURVEY_TIMEOUT_S = 3.0
"""A node that runs answers within milliseconds; a name may take a second to resolve."""

INCARNATION_BYTES = 16

CHECKS: dict[str, Callable[[Any], None]] = {
    "address": check_address,
    "zone": check_zone,
    "priority": check_priority,
}
"""Of a member's details, where they change: one that is alone may have no address yet."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewMember:
    """Who is to be added. Without an incarnation the node at the address is asked who it is, and for
    zone and priority where they are None; otherwise those are none and 1.
    """

    address: str
    incarnation: bytes = b""
    zone: str | None = None
    priority: int | None = None


class MembershipChanges:
    """The changes, on one node. All but `transfer` need the leader."""

    def __init__(self, views: Views, operations: Operations, surveyor: Surveyor | None) -> None:
        self._views = views
        self._operations = operations
        self._surveyor = surveyor

    # ---- the changes -----------------------------------------------------------------------------

    async def add_learner(
        self, new: NewMember, config_index: int, *, cluster_id: bytes, timeout_s: float
    ) -> Answer:
        """A new member that listens; the answer has its id."""
        self._lead()
        check_address(new.address)
        check_zone(new.zone or "")
        check_priority(1 if new.priority is None else new.priority)
        survey = None if new.incarnation else await self._ask_node(new.address, cluster_id)
        incarnation = survey.incarnation if survey else new.incarnation
        same = next((m for m in self._views.members() if m.incarnation == incarnation), None)
        if same is not None:
            return await self._shown("add-learner", same.id, timeout_s)
        self._check_level(survey or await self._survey(new.address), new.address)
        told = (survey.zone, survey.priority) if survey else ("", 1)
        zone = told[0] if new.zone is None else new.zone
        priority = told[1] if new.priority is None else new.priority
        change = AddLearner(incarnation, new.address, zone, priority)
        try:
            await self._change(change, config_index, timeout_s)
        except ChangeRefused as error:
            if error.reason is ChangeRefusal.EXISTS:
                return await self._shown("add-learner", error.member, timeout_s)
            raise from_change_refused(error, self._views.status().config_index) from error
        added = next((m for m in self._views.members() if m.incarnation == incarnation), None)
        self._check_kept(kept=added is not None)
        return self._done("add-learner", added.id if added is not None else 0)

    async def promote(
        self, member: MemberId, config_index: int, *, force: bool, timeout_s: float
    ) -> Answer:
        """A learner that has caught up votes from now on."""
        self._lead()
        if self._role(member) in {"voter", "leader"}:
            return await self._shown("promote", member, timeout_s)
        self._check_quorum(self._voters() | {member}, force=force)
        await self._refusable(Promote(member), config_index, timeout_s)
        self._check_kept(kept=member in self._voters())
        return self._done("promote", member)

    async def remove(
        self, member: MemberId, config_index: int, *, force: bool, timeout_s: float
    ) -> Answer:
        """A member goes for ever."""
        status = self._lead()
        role = self._role(member)
        if not role and 0 < member < self._views.next_id():
            return await self._shown("remove", member, timeout_s)
        voters = self._voters() - {member}
        if voters and role in {"voter", "leader"}:
            self._check_quorum(voters, force=force)
        await self._refusable(Remove(member), config_index, timeout_s)
        self._check_kept(kept=not self._role(member))
        return self._done("remove", member, leads=member != status.member_id)

    async def replace(
        self,
        old: MemberId,
        new: MemberId,
        config_index: int,
        *,
        force: bool,
        timeout_s: float,
    ) -> Answer:
        """A learner that has caught up takes a voter's place, in one step."""
        self._lead()
        if not self._role(old) and self._role(new) in {"voter", "leader"}:
            return await self._shown("replace", new, timeout_s)
        self._check_quorum(self._voters() - {old} | {new}, force=force)
        await self._refusable(Replace(old, new), config_index, timeout_s)
        self._check_kept(kept=new in self._voters() and not self._role(old))
        return self._done("replace", new)

    async def update(
        self,
        member: MemberId,
        config_index: int,
        details: dict[str, Any],
        *,
        timeout_s: float,
    ) -> Answer:
        """Another address, zone or priority."""
        self._lead()
        now = self._member(member)
        if now is None:
            raise from_change_refused(
                ChangeRefused(ChangeRefusal.UNKNOWN_MEMBER, member),
                self._views.status().config_index,
            )
        known = _details(now)
        wanted = {name: details.get(name, known[name]) for name in known}
        if wanted == known:
            return await self._shown("update", member, timeout_s)
        for name, check in CHECKS.items():
            if wanted[name] != known[name]:
                check(wanted[name])
        await self._refusable(Update(member, **wanted), config_index, timeout_s)
        after = self._member(member)
        self._check_kept(kept=after is not None and _details(after) == wanted)
        return self._done("update", member)

    async def transfer(self, to: MemberId, *, leaving: MemberId, timeout_s: float) -> Answer:
        """Leadership goes to `to`, 0 for the best one; only if `leaving` leads, where that is given.

        That makes it safe to repeat: once somebody else leads there is nothing to do.
        """
        status = self._views.status()
        if status.leader_id and (
            status.leader_id == to or (leaving and status.leader_id != leaving)
        ):
            return {"operation": "transfer", "leader_id": status.leader_id, "changed": False}
        self._lead(settled=False)
        try:
            leader_id = await self._operations.transfer(to, timeout_s=timeout_s)
        except NotLeader as error:
            raise from_not_leader(error, self._address(error.leader_id)) from error
        except TransferRefused as error:
            raise AdminRefusal(
                Code.TRANSFER_REFUSED, str(error), "look at /v1/members: who is caught up?"
            ) from error
        except TimeoutError as error:
            raise AdminRefusal(
                Code.TRANSFER_REFUSED,
                f"leadership did not move within {timeout_s:g} s and stays where it was",
                "see in /v1/members that the other member is active, then ask again",
                leader_id=self._views.status().leader_id,
            ) from error
        return {"operation": "transfer", "leader_id": leader_id, "changed": True}

    # ---- checks ----------------------------------------------------------------------------------

    def _lead(self, *, settled: bool = True) -> Status:
        """This member leads, and no change is under way."""
        status = self._views.status()
        if status.leader_id != status.member_id or not status.member_id:
            raise not_leader(status.leader_id, self._address(status.leader_id))
        if settled and (status.is_joint or status.config_index > status.commit_index):
            raise from_change_refused(ChangeRefused(ChangeRefusal.BUSY), status.config_index)
        return status

    def _check_quorum(self, voters: set[MemberId], *, force: bool) -> None:
        """A majority of the voters to be is in contact, or the change would end all service."""
        own = self._views.status().member_id
        live = {m.id for m in self._views.members() if m.id in voters and (m.active or m.id == own)}
        needed = len(voters) // 2 + 1
        if len(live) >= needed or force:
            return
        raise AdminRefusal(
            Code.QUORUM_AT_RISK,
            f"of the voters after this change, {_names(voters)}, only {_names(live) or 'none'} "
            f"would be in contact, and {needed} are needed",
            "bring the others back first, or remove those that are gone; `force` does it all the same",
            voters=sorted(voters),
            live=sorted(live),
        )

    def _check_level(self, survey: Surveyed | None, address: str) -> None:
        """The node there can read what the ensemble writes. Of one that does not answer the handshake
        will find it out; and a level that is raised meanwhile makes the config index another.
        """
        if survey is None:
            return
        in_use = self._views.status().level_in_use
        reason = why_too_low(survey.feature_level, in_use, f"the node at {address}")
        if reason:
            raise AdminRefusal(
                Code.FEATURE_LEVEL_TOO_LOW, reason, "install the release that this member runs"
            )

    async def _survey(self, address: str) -> Surveyed | None:
        """Who is there, None when nobody answers."""
        if self._surveyor is None:
            return None
        return await self._surveyor.survey(address, SURVEY_TIMEOUT_S)

    async def _ask_node(self, address: str, cluster_id: bytes) -> Surveyed:
        survey = await self._survey(address)
        if survey is None:
            raise AdminRefusal(
                Code.MEMBER_UNREACHABLE,
                f"nobody answers at {address}, the new member's peer address",
                "start the new node first, with an empty data folder and this as its peer address; "
                "or give its incarnation, which its own /v1/status shows",
            )
        if survey.member_id and survey.cluster_id != cluster_id:
            raise AdminRefusal(
                Code.WRONG_ROLE,
                f"the node at {address} belongs to another ensemble, {survey.cluster_id.hex()}",
                "give it an empty data folder, if what it holds is not needed",
            )
        if survey.member_id and not self._role(survey.member_id):
            # It would answer for ever that it is another member than the one it was added as.
            raise AdminRefusal(
                Code.WRONG_ROLE,
                f"the node at {address} holds the data of member {survey.member_id}, which was "
                "removed from this ensemble; ids are never used again",
                "stop it, empty the folder that its storage.data_dir names, start it with "
                "ensemble.join, and add it again",
                member_id=survey.member_id,
            )
        return survey

    # ---- doing -----------------------------------------------------------------------------------

    async def _refusable(self, change: Change, config_index: int, timeout_s: float) -> None:
        try:
            await self._change(change, config_index, timeout_s)
        except ChangeRefused as error:
            raise from_change_refused(error, self._views.status().config_index) from error

    async def _change(self, change: Change, config_index: int, timeout_s: float) -> None:
        try:
            await self._operations.change(change, config_index, timeout_s=timeout_s)
        except NotLeader as error:
            raise from_not_leader(error, self._address(error.leader_id)) from error
        except TimeoutError as error:
            raise AdminRefusal(
                Code.OUTCOME_UNKNOWN,
                f"the change was begun and is not committed after {timeout_s:g} s",
                "look at /v1/members of the leader, or repeat the call with the same Op-Id: "
                "it is not done twice",
            ) from error

    def _check_kept(self, *, kept: bool) -> None:
        """A change that is not committed goes with its leader: another one's log replaces it."""
        if not kept:
            raise not_leader(self._views.status().leader_id)

    async def _shown(self, operation: str, member: MemberId, timeout_s: float) -> Answer:
        """The membership shows it as done. Whoever says so must still lead."""
        try:
            await self._operations.barrier(timeout_s=timeout_s)
        except (NotLeader, TimeoutError) as error:
            raise not_leader(0) from error
        return self._done(operation, member, changed=False)

    def _done(
        self, operation: str, member: MemberId, *, changed: bool = True, leads: bool = True
    ) -> Answer:
        status = self._views.status()
        answer: Answer = {
            "operation": operation,
            "member_id": member,
            "config_index": status.config_index,
            "changed": changed,
        }
        if not leads:
            answer["note"] = "the leader removed itself; the others elect a new one"
        return answer

    # ---- the members -----------------------------------------------------------------------------

    def _member(self, member: MemberId) -> MemberView | None:
        return next((m for m in self._views.members() if m.id == member), None)

    def _role(self, member: MemberId) -> str:
        found = self._member(member)
        return found.role if found is not None else ""

    def _voters(self) -> set[MemberId]:
        return {m.id for m in self._views.members() if m.role in {"voter", "leader"}}

    def _address(self, member: MemberId) -> str:
        found = self._member(member) if member else None
        return found.address if found is not None else ""


def _details(member: MemberView) -> dict[str, Any]:
    return {name: getattr(member, name) for name in CHECKS}


def _names(members: Sequence[MemberId] | set[MemberId]) -> str:
    return ", ".join(map(str, sorted(members)))
