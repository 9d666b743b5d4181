"""What follows from a snapshot and several decisions need: seats, health, quorum. Pure, decides nothing.

A *seat* is a place for a member: an ordinal of a pool, whether or not a pod or volume is there now. Its
name is the pod's name, and that is how members, pods and volumes are matched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.decide.refusals import refusal_of
from raftkeeper_operator.observe.desired import Desired
from raftkeeper_operator.observe.ensemble import Ensemble, Member
from raftkeeper_operator.observe.snapshot import (
    Pod,
    Pool,
    RecoveryOrder,
    Refusal,
    Snapshot,
    Volume,
)


@dataclass(frozen=True, slots=True)
class Seat:
    """A place for a member."""

    pool: str
    ordinal: int

    @property
    def pod(self) -> str:
        return f"{self.pool}-{self.ordinal}"

    @classmethod
    def of(cls, pod: str) -> "Seat":
        """From a pod's name; one that is not ours gives a seat in a pool that does not exist."""
        pool, _, ordinal = pod.rpartition("-")
        return cls(pool, int(ordinal)) if ordinal.isdecimal() else cls(pod, 0)


def quorum(voters: int) -> int:
    """How many of so many voters are a majority."""
    return voters // 2 + 1


def pool_sizes(name: str, desired: Desired) -> dict[str, int]:
    """How many members each pool is to have; earlier zones take what does not divide."""
    if not desired.zones:
        return {name: desired.replicas}
    share, rest = divmod(desired.replicas, len(desired.zones))
    return {f"{name}-{zone}": share + (place < rest) for place, zone in enumerate(desired.zones)}


class Facts:
    """A snapshot with what follows from it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.desired = snapshot.desired

    # ---- seats -----------------------------------------------------------------------------------

    @cached_property
    def sizes(self) -> dict[str, int]:
        return pool_sizes(self.snapshot.name, self.desired)

    @cached_property
    def wanted(self) -> tuple[Seat, ...]:
        """The seats that the spec asks for: round by round, so that zones fill evenly."""
        seats = (Seat(pool, at) for pool, size in self.sizes.items() for at in range(size))
        order = {pool: place for place, pool in enumerate(self.sizes)}
        return tuple(sorted(seats, key=lambda seat: (seat.ordinal, order[seat.pool])))

    def address(self, seat: Seat) -> str:
        return seat.pod + self.desired.address_suffix

    def pod_at(self, seat: Seat) -> Pod | None:
        return self.snapshot.pod(seat.pod)

    def volumes_at(self, seat: Seat) -> tuple[Volume, ...]:
        """Its data volume, and its log volume where there is one."""
        return self.snapshot.volumes_of(seat.pool, seat.ordinal)

    def volume_at(self, seat: Seat) -> Volume | None:
        """What its disk is worth: the worse of its volumes, None when one of them is not there."""
        volumes = self.volumes_at(seat)
        if len(volumes) < (2 if self.desired.log_bytes else 1):
            return None
        return max(volumes, key=lambda volume: (volume.terminating, volume.lost, not volume.is_log))

    def wanted_bytes(self, volume: Volume) -> int:
        """How large the spec has it."""
        return self.desired.log_bytes if volume.is_log else self.desired.storage_bytes

    def zone_of_pool(self, name: str) -> str:
        """A pool's name is the cluster's, and the zone's behind it."""
        return name.removeprefix(self.snapshot.name).removeprefix("-")

    def zone_of(self, pod: Pod) -> str:
        """Where its member is to be booked: its pool's zone, else its node's."""
        return self.zone_of_pool(pod.pool) or pod.zone

    @cached_property
    def founders(self) -> tuple[Seat, ...]:
        """Who founds the ensemble: fixed when the founding was opened, whatever the spec says since."""
        founding = self.snapshot.founding
        if founding is None or not founding.open:
            return ()
        addresses = (entry.partition("=")[2] for entry in founding.members.split(","))
        return tuple(Seat.of(address.partition(".")[0]) for address in addresses)

    @cached_property
    def homes(self) -> tuple[Seat, ...]:
        """The seats where somebody lives, or is to found the ensemble: each must have a pod.

        With a leader its word counts. Without one it is what the status remembers; and in a pool without
        pods it is the volumes, for a status can be lost, and sleeping members have nobody to name them.
        """
        snapshot = self.snapshot
        if snapshot.ensemble is not None:
            return tuple(self.seated(snapshot.ensemble))
        volumes = [v for v in snapshot.volumes if not v.retired_ms and not v.terminating]
        if self.cluster_id:
            awake = {pool.name for pool in snapshot.pools if pool.replicas}
            remembered = [Seat.of(m.pod) for m in snapshot.remembered.members if self.is_ours(m)]
            asleep = [Seat(v.pool, v.ordinal) for v in volumes if v.pool not in awake]
            return (*remembered, *asleep)
        if self.founders:
            return self.founders
        wanted = self.wanted[:1] if self.desired.restore else self.wanted
        return (*wanted, *(Seat(volume.pool, volume.ordinal) for volume in volumes))

    # ---- the ensemble ----------------------------------------------------------------------------

    @property
    def cluster_id(self) -> str:
        """The ensemble that is this cluster's for ever; '' while none has been founded. Only a forced
        recovery gives it another one, and the founding knows of that before the status does.
        """
        founding = self.snapshot.founding
        if founding is not None and founding.order is not None and founding.cluster_id:
            return founding.cluster_id
        return self.snapshot.remembered.cluster_id or (founding.cluster_id if founding else "")

    @property
    def order(self) -> RecoveryOrder | None:
        """The last forced recovery that was ordered, done or not."""
        founding = self.snapshot.founding
        orders = [self.snapshot.remembered.order, founding.order if founding else None]
        return max((one for one in orders if one), key=lambda one: one.epoch, default=None)

    @property
    def recovered_epoch(self) -> int:
        """The last forced recovery that is done: the ensemble that leads has passed it, and is ours.

        An epoch that is asked for while somebody leads is used up by that. A person has to see a loss to
        accept it, so one that was written down before must not count when a majority is lost later.
        """
        ensemble, done = self.snapshot.ensemble, self.snapshot.remembered.recovery_epoch
        order, force = self.order, self.desired.force_quorum
        if ensemble is None or ensemble.cluster_id != self.cluster_id:
            return done
        if order is not None:
            done = max(done, min(ensemble.recovery_epoch, order.epoch))
        is_pending = order is not None and done < order.epoch
        return max(done, force.epoch) if force is not None and not is_pending else done

    @property
    def settled(self) -> Ensemble | None:
        """The membership, if it is committed and no change of it is under way.

        Nothing may be taken away because a membership does not name it before this: until it is committed
        the one before may count again.
        """
        ensemble = self.snapshot.ensemble
        return ensemble if ensemble is not None and ensemble.settled else None

    def is_ours(self, member: Member) -> bool:
        """Its address is one that only a pod of this cluster can have."""
        return member.address.endswith(self.desired.address_suffix)

    def seated(self, ensemble: Ensemble) -> dict[Seat, tuple[Member, ...]]:
        """The members by seat. Those that a person added from elsewhere have none and are left alone."""
        found: dict[Seat, tuple[Member, ...]] = {}
        for member in ensemble.members:
            if self.is_ours(member):
                seat = Seat.of(member.pod)
                found[seat] = (*found.get(seat, ()), member)
        return found

    def pod_of(self, member: Member) -> Pod | None:
        """The pod that runs this member: its name, and its disk."""
        pod = self.snapshot.pod(member.pod)
        if pod is None or pod.node is None or pod.node.member_id != member.id:
            return None
        return pod

    def has_other_disk(self, member: Member) -> bool:
        """The member's pod has spoken, and its disk is not the one that this member had.

        Where one of the two lives is not known, nothing is concluded from it.
        """
        pod = self.snapshot.pod(member.pod)
        node = pod.node if pod is not None else None
        if node is None or node.state == "starting" or node.member_id == member.id:
            return False
        return "" not in {node.incarnation, member.incarnation} and (
            node.incarnation != member.incarnation
        )

    def healthy(self, member: Member) -> bool:
        """It has what was committed, and nothing is about to take it away. One that is drained votes as
        well as any other: it only sends clients away.
        """
        pod = self.pod_of(member)
        return (
            pod is not None
            and (pod.ready or (pod.node is not None and pod.node.draining))
            and not pod.terminating
            and member.active
            and (member.caught_up or member.role == "leader")
        )

    def count_healthy(self, members: Iterable[Member]) -> int:
        return sum(self.healthy(member) for member in members)

    def volume_is_free(self, volume: Volume, ensemble: Ensemble) -> bool:
        """No member of the ensemble lives on it: neither by its label, nor by its seat."""
        if ensemble.at(Seat(volume.pool, volume.ordinal).pod):
            return False
        foreign = volume.cluster_id and volume.cluster_id != ensemble.cluster_id
        return bool(foreign) or ensemble.member(volume.member_id) is None

    def is_given_up(self, volume: Volume) -> bool:
        """Its node has been gone for `replaceAfter`. While its whole zone is away it comes back with that."""
        patience_ms = self.desired.replace_after_ms
        pool = self.snapshot.pool(volume.pool)
        zone = (pool.zone if pool else "") or volume.zone
        if (
            not volume.lost
            or patience_ms is None
            or (zone and zone not in self.snapshot.live_zones)
        ):
            return False
        return self.snapshot.now_ms - volume.lost_since_ms >= patience_ms

    # ---- refused ---------------------------------------------------------------------------------

    def refusal(self, plan: Plan) -> Refusal | None:
        """Why its action is not to be tried now; None when it may be."""
        return refusal_of(plan, self.snapshot.refused)

    def first_possible(self, plans: Iterable[Plan]) -> Plan | None:
        """Of several things to do the first that was not refused of late; else the first of all."""
        first = None
        for plan in plans:
            if self.refusal(plan) is None:
                return plan
            first = first or plan
        return first

    # ---- waiting ---------------------------------------------------------------------------------

    @cached_property
    def terminating(self) -> Pod | None:
        return next((pod for pod in self.snapshot.pods if pod.terminating), None)

    def obstacle(self, pod: Pod) -> str:
        """Why Kubernetes does not bring it to run; '' when it does, or its containers are to blame."""
        if pod.ready:
            return ""
        return f"no node takes it: {pod.unschedulable}" if pod.unschedulable else pod.held_up

    def highest(self, pool: Pool) -> Seat:
        """The seat that the pool gives up next."""
        return Seat(pool.name, pool.replicas - 1)


def names(members: Iterable[Member]) -> str:
    """For messages."""
    return ", ".join(f"{member.pod} (member {member.id})" for member in members)
