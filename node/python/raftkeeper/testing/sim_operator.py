"""The one who runs the ensemble: adds, promotes, removes and replaces members, as one would by hand.

It looks at the membership that is committed now and then, and asks the leader for the next step to
what it wants: a machine that lost its disk comes back under a new id, in the place of the old one.
It must never ask for anything that could lose data if all went well; the core has to see to the rest.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from raftkeeper.raft import (
    AddLearner,
    Change,
    ChangeRefused,
    Membership,
    NotLeader,
    Promote,
    Remove,
    Replace,
    TransferRefused,
)
from raftkeeper.raft.messages import NOBODY

if TYPE_CHECKING:
    from raftkeeper.testing.sim_machine import Machine
    from raftkeeper.testing.sim_world import World

LOOK_US = 60_000
VOTERS_MAX = 7


class Operator:
    """Works through whoever leads."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._chance = world.chance.stream("operator")
        self._wanted = set(range(1, world.options.voters + 1))
        """Numbers of the machines that should be voters."""

    def start(self) -> None:
        self._world.loop.after(LOOK_US, self._look)

    def change_wish(self) -> None:
        """Wants one machine more or one less; at least one stays, and an odd mind is not needed."""
        numbers = [machine.number for machine in self._world.machines]
        outside = [number for number in numbers if number not in self._wanted]
        if outside and (len(self._wanted) <= 1 or self._chance.happens(500)):
            self._wanted.add(self._chance.pick(outside))
        elif len(self._wanted) > 2:
            self._wanted.discard(self._chance.pick(sorted(self._wanted)))
        self._world.say("wish", f"voters on machines {sorted(self._wanted)}")

    def transfer(self) -> None:
        """To somebody, or to the best."""
        leader = self._world.leader()
        if leader is None or leader.node is None or leader.loop is None:
            return
        voters = sorted(leader.node.core.membership.voters)
        to = self._chance.pick(voters) if voters and self._chance.happens(600) else NOBODY
        leader.loop.soon(self._transfer, leader, to)

    def may_wipe(self, machine: "Machine") -> bool:
        """Whether all others together still hold everything that was acknowledged.

        No second disk is taken before the first is out of every membership that anybody knows of.
        """
        if machine.member == 0:
            return False
        for other in self._world.machines:
            if other.node is None:
                if other is not machine:
                    return False  # nobody knows what it will know when it is back
                continue
            membership = other.node.core.membership
            voters = membership.voters | membership.outgoing
            if any(self._is_lost(membership, member) for member in voters):
                return False
            for half in (membership.voters, membership.outgoing):
                if machine.member in half and len(half) < 3:
                    return False
        return True

    def waits_for(self) -> str:
        """What is not as it should be, in words."""
        leader = self._world.leader()
        if leader is None or leader.node is None:
            return "nobody leads"
        step = next(self._steps(leader), None)
        return f"the operator still wants {step}" if step is not None else ""

    def _is_lost(self, membership: Membership, member: int) -> bool:
        """The disk that was given this id is gone, or will be given up once it is read."""
        machine = self._machine_of(membership, member)
        return machine is None or machine.rotten

    def _machine_of(self, membership: Membership, member: int) -> "Machine | None":
        details = membership.member(member)
        for machine in self._world.machines:
            if details is not None and machine.incarnation == details.incarnation:
                return machine
        return None

    def _look(self) -> None:
        self._world.loop.after(LOOK_US, self._look)
        self._clean()
        self._give_up()
        self._adopt()
        leader = self._world.leader()
        if leader is not None and leader.loop is not None:
            leader.loop.soon(self._ask, leader)

    def _clean(self) -> None:
        """Empties the disk of a member that was removed: it can only come back as somebody new.

        Not at once, so that removed members disturb the others for a while.
        """
        leader = self._world.leader()
        if leader is None or leader.node is None:
            return
        core = leader.node.core
        membership = core.membership_at(core.commit_index)
        for machine in self._world.machines:
            gone = 0 < machine.member < membership.next_id
            if gone and machine.member not in membership.everyone and self._chance.happens(200):
                machine.trace("cleaned", f"after member {machine.member} was removed")
                machine.wipe()

    def _give_up(self) -> None:
        """Does what a node has said that refuses its damaged files: lets it join anew, empty."""
        for machine in self._world.machines:
            if machine.refused and self._chance.happens(300):
                machine.trace("wiped", f"the damaged disk of member {machine.member} is given up")
                machine.wipe()

    def _adopt(self) -> None:
        """Starts a machine under the id that a committed membership gives its incarnation."""
        for machine in self._world.machines:
            if machine.member:
                continue
            for other in self._world.running():
                if other.node is None:
                    continue
                core = other.node.core
                for member in core.membership_at(core.commit_index).members:
                    if member.incarnation == machine.incarnation:
                        machine.bind(member.id)
            machine.start()

    def _ask(self, leader: "Machine") -> None:
        """The next step that is not refused."""
        if leader.node is None:
            return
        core = leader.node.core
        for change in self._steps(leader):
            try:
                core.change(change, core.config_index)
            except NotLeader:
                return
            except ChangeRefused:
                continue
            leader.trace("changes", change)
            return

    def _steps(self, leader: "Machine") -> Iterator[Change]:
        """What would bring the membership nearer to what is wanted, best first."""
        assert leader.node is not None
        membership = leader.node.core.membership
        machines = self._world.machines
        ids = {member.incarnation: member.id for member in membership.members}
        # A rotten disk counts as lost, and of two voters neither may be: it is not to become one.
        joining = [
            ids[machine.incarnation]
            for machine in machines
            if machine.number in self._wanted
            and ids.get(machine.incarnation, 0) in membership.learners
            and not machine.rotten
        ]
        at = {member: self._machine_of(membership, member) for member in membership.everyone}
        leaving = [
            member
            for member in sorted(membership.voters)
            if (machine := at[member]) is None or machine.number not in self._wanted
        ]
        lost = [member for member in leaving if at[member] is None]
        if lost or any(machine is not None and machine.rotten for machine in at.values()):
            # First of all: to remove a living voter beside a dead one can cost the majority.
            leaving = lost
        for old, new in zip(leaving, joining, strict=False):
            yield Replace(old, new)
        for new in joining:
            if len(membership.voters) < VOTERS_MAX:
                yield Promote(new)
        for machine in machines:
            # As the admin API does: it refuses a release that cannot read what is written.
            can_read = machine.feature_level >= membership.level
            if machine.number in self._wanted and machine.incarnation not in ids and can_read:
                yield AddLearner(machine.incarnation, machine.name)
        if len(membership.voters) > len(self._wanted) or not self._chance.happens(900):
            # Nobody comes for them, or (rarely) nobody waits for who would.
            yield from (Remove(old) for old in leaving)
        for old in sorted(membership.learners):
            machine = at[old]
            if machine is None or machine.number not in self._wanted:
                yield Remove(old)

    def _transfer(self, leader: "Machine", to: int) -> None:
        if leader.node is None:
            return
        try:
            leader.node.core.transfer(to)
        except (NotLeader, TransferRefused):
            return
        leader.trace("transfers", f"leadership to member {to or '(any)'}")
