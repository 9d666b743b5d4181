"""The model world: Kubernetes and the nodes together, as the operator sees and changes them.

`observe` makes the picture, `carry_out` does what an action asks under its precondition, `tick` lets time
pass. The promises that the operator must keep are checked at every effect.
"""

from dataclasses import replace
from typing import Any

from tests.model.ensemble import Broken, Disk, ModelEnsemble, Refused
from tests.model.kubernetes import (
    ModelClaim,
    ModelKubernetes,
    ModelPod,
    ModelPool,
    why_damaged,
)
from tests.model.losses import check_survivor, majority_is_gone
from tests.model.promises import (
    check_commitment,
    check_deletion,
    check_drains,
    check_removal,
)
from tests.model.releases import can_meet, fits, level_of
from tests.model.seeing import see

from raftkeeper_operator.decide import plan as acts
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.refusals import key_of
from raftkeeper_operator.decide.skew import level_in_use
from raftkeeper_operator.observe.desired import Desired, WhenScaled
from raftkeeper_operator.observe.ensemble import Member
from raftkeeper_operator.observe.snapshot import (
    RecoveryOrder,
    Remembered,
    Resource,
    Revisions,
    Snapshot,
)

TICK_MS = 2_000
SUFFIX = ".x-members.ns.svc.cluster.local:2888"


def first_desired(
    replicas: int, zones: tuple[str, ...], *, budget: bool = True, log: bool = False
) -> Desired:
    """With short times, so that what takes hours in life takes some ticks here."""
    return Desired(
        replicas=replicas,
        revision="v1",
        address_suffix=SUFFIX,
        zones=zones,
        storage_bytes=1,
        log_bytes=int(log),
        pod_disruption_budget=budget,
        when_scaled=WhenScaled.QUARANTINE,
        quarantine_ttl_ms=20_000,
        min_healthy_ms=4_000,
        progress_deadline_ms=20_000,
        replace_after_ms=30_000,
    )


class World:
    """All that is there."""

    def __init__(self, desired: Desired, *, has_releases: bool = False) -> None:
        self.desired = desired
        self.now_ms = 1_000_000
        self.kube = ModelKubernetes(bad_revisions={"bad"}, greedy_revisions={"greedy"})
        self.kube.log_volumes = bool(desired.log_bytes)
        self.ensemble = ModelEnsemble()
        self.given_up: list[ModelEnsemble] = []
        """Those that a forced recovery has replaced: they must never lead again."""
        self.lost_disks: dict[str, Disk] = {}
        """By the claim that held it: somebody may find it again."""
        self.revisions = Revisions()
        self.remembered = Remembered()
        self.taken_down: set[str] = set()
        """Pods that the operator took down and that are not back."""
        self.came_back: dict[str, int] = {}
        """Since when those it took down are back."""
        self.lose_change = False
        self.deleting = False
        self.refuses: set[str] = set()
        """Beginnings of the keys of actions that somebody's objects, or admission, stand in the way of."""
        self.resources: tuple[Resource, ...] = ()
        self.generation = 1
        self.has_releases = has_releases
        """Some of the specs to come ask for releases of other levels."""
        self.level_in_use = 0
        """The highest that all members have had at a time: then the leader has raised it."""

    # ---- time ------------------------------------------------------------------------------------

    def tick(self) -> None:
        """One step of everything but the operator."""
        self.now_ms += TICK_MS
        self.kube.tick(self.now_ms)
        self._run_nodes()
        for ensemble in (self.ensemble, *self.given_up):
            ensemble.tick(self.now_ms, lose_change=self.lose_change)
        self._check_given_up()
        self._write()
        for pod in self.kube.pods.values():
            self._probe(pod)
        check_drains(self)
        here = {pod.name for pod in self.kube.pods.values() if pod.ready_since_ms}
        voters = {member.pod for member in self.ensemble.members if member.votes}
        back = self.taken_down & voters & here
        self.came_back |= {name: self.kube.pods[name].ready_since_ms for name in back}
        self.taken_down = (self.taken_down & voters) - here

    def _run_nodes(self) -> None:
        running = {pod.name: pod for pod in self.kube.pods.values() if pod.running}
        for pod in running.values():
            self._obey(pod)
        self._found(running)
        for ensemble in (self.ensemble, *self.given_up):
            disks = [self.claim_of(pod).disk for pod in running.values() if self.is_whole(pod)]
            ensemble.up = {d.member_id for d in disks if d.cluster_id == ensemble.cluster_id} - {0}
        lives = {member.incarnation: member.id for member in self.ensemble.members}
        for pod in running.values():
            disk, log = self.claim_of(pod).disk, self.log_of(pod)
            if not self.is_whole(pod):
                continue
            if not disk.member_id and self.ensemble.leader_id and self.ensemble.before is None:
                disk.member_id = lives.get(disk.incarnation, 0)
                disk.cluster_id = self.ensemble.cluster_id if disk.member_id else ""
                self.ensemble.up |= {disk.member_id} - {0}
            if disk.member_id and log is not None:
                log.written_by = disk.incarnation
        self.level_in_use = max(self.level_in_use, self.common_level())

    def common_level(self) -> int:
        """What all members can read that hear each other; 0 when one is not heard."""
        members = {member.id for member in self.ensemble.members}
        pods = [pod for pod in self.kube.pods.values() if self.member_of(pod) in members]
        heard = pods and members <= self.ensemble.up
        return min(level_of(pod.revision) for pod in pods) if heard else 0

    def is_whole(self, pod: ModelPod) -> bool:
        """Its disk is, and its release may work beside the others."""
        damage = why_damaged(self.claim_of(pod), self.log_of(pod))
        return not damage and fits(pod.revision, self.level_in_use)

    def _obey(self, pod: ModelPod) -> None:
        """As a node does with `ensemble.recovery` before it speaks to anybody."""
        order, claim = RecoveryOrder.parse(pod.order), self.claim_of(pod)
        if order is None or claim.disk.recovery_epoch >= order.epoch:
            return
        life = self.kube.fresh("life")
        if order.pod != pod.name:
            if self.ensemble.recovery_epoch >= order.epoch and self.member_of(pod):
                raise Broken(
                    f"{pod.name} sets aside what it has from the ensemble that was recovered"
                )
            claim.disk = Disk(life, recovery_epoch=order.epoch)
        elif not claim.disk.member_id:
            claim.disk.recovery_epoch = order.epoch
        else:
            old = self.ensemble
            if claim.disk.cluster_id != old.cluster_id:
                raise Broken(f"{pod.name} recovers an ensemble that was given up before")
            self.given_up.append(old)
            self.ensemble = old.succeed(claim.disk, order.survivor, order.epoch, life)

    def _check_given_up(self) -> None:
        for ensemble in self.given_up:
            if ensemble.leader_id:
                raise Broken(f"{ensemble.cluster_id} leads again, which was given up")

    def _write(self) -> None:
        """Who follows the leader has what it has."""
        for pod in self.kube.pods.values():
            member = self.member_of(pod)
            if member and self.ensemble.leader_id and self.ensemble.caught_up(member):
                disk = self.claim_of(pod).disk
                disk.term, disk.last_index = self.ensemble.term, self.ensemble.last_index

    def member_of(self, pod: ModelPod) -> int:
        """Which member of the ensemble that counts it runs; 0 for none."""
        disk = self.claim_of(pod).disk if pod.running else None
        mine = disk is not None and disk.cluster_id == self.ensemble.cluster_id
        return disk.member_id if disk is not None and mine else 0

    def _found(self, running: dict[str, ModelPod]) -> None:
        for pod in running.values():
            if not pod.may_found:
                continue
            addresses = [entry.partition("=")[2] for entry in pod.may_found.split(",")]
            pods = [running.get(address.partition(".")[0]) for address in addresses]
            if addresses[0].partition(".")[0] != pod.name:
                continue
            founders = [
                (at, self.claim_of(p).disk) for at, p in zip(addresses, pods, strict=True) if p
            ]
            if len(founders) == len(addresses) and not any(disk.member_id for _, disk in founders):
                if any(why_damaged(self.claim_of(p), self.log_of(p)) for p in pods if p):
                    return
                if not can_meet(p.revision for p in pods if p):
                    return
                self.ensemble.found(founders)
                for p in pods:
                    if p is not None and (log := self.log_of(p)) is not None:
                        log.written_by = self.claim_of(p).disk.incarnation
                return

    def claim_of(self, pod: ModelPod) -> ModelClaim:
        claims = self.kube.claims.values()
        return next(claim for claim in claims if claim.uid == pod.claim_uid)

    def log_of(self, pod: ModelPod) -> ModelClaim | None:
        """None where the log has no volume of its own."""
        claims = self.kube.claims.values()
        return next((claim for claim in claims if pod.log_uid and claim.uid == pod.log_uid), None)

    def _probe(self, pod: ModelPod) -> None:
        member = self.member_of(pod)
        # A learner serves when it has caught up.
        mine = any(
            m.id == member and (m.votes or self.ensemble.caught_up(member))
            for m in self.ensemble.members
        )
        leads = bool(self.ensemble.leader_id) and pod.running
        serves = leads and mine and not pod.draining and self.is_whole(pod)
        if serves and not pod.ready_since_ms:
            pod.ready_since_ms, pod.unready_since_ms = self.now_ms, 0
        elif not serves and (pod.ready_since_ms or not pod.unready_since_ms):
            pod.ready_since_ms, pod.unready_since_ms = 0, self.now_ms

    def delete_cluster_and_apply_again(self) -> None:
        """Everything owned goes, the volumes stay, and a new object of the same name is applied."""
        for claim in self.kube.claims.values():
            if claim.tied_to and not claim.terminating:
                raise Broken(f"volume {claim.name} goes with the cluster, and is to be retained")
            claim.owned = False
        self.deleting = False
        self.kube.pools.clear()
        self.kube.pods.clear()
        self.kube.founding = None
        self.kube.budget = None
        self.kube.budget_version += 1
        self.revisions = Revisions()
        self.remembered = Remembered()
        self.taken_down.clear()
        self.came_back.clear()

    # ---- what the operator sees ------------------------------------------------------------------

    def observe(self) -> Snapshot:
        """Everything as it is at this moment."""
        return see(self)

    def allowed(self) -> int:
        """What the budget lets go at this moment: it counts the ready pods that are labelled as voters'."""
        pods = self.kube.pods.values()
        ready = sum(pod.counted and bool(pod.ready_since_ms) for pod in pods)
        return 1 if self.kube.budget is None else max(0, ready - self.kube.budget)

    def report(self, snapshot: Snapshot, decided: acts.Plan) -> None:
        """What the operator writes down after a step; an operator that dies before has not."""
        for pod in self.kube.pods.values():
            if not pod.running or why_damaged(self.claim_of(pod), self.log_of(pod)):
                continue
            disk = self.claim_of(pod).disk
            for claim in self.kube.claims.values():
                if claim.uid in {pod.claim_uid, pod.log_uid}:
                    claim.label_member, claim.label_cluster = disk.member_id, disk.cluster_id
        old = self.remembered
        ensemble = snapshot.ensemble
        for seen in snapshot.pods if ensemble is not None else ():
            pod = self.kube.pods.get(seen.name)
            if pod is None or pod.uid != seen.uid or seen.node is None or not seen.node.member_id:
                continue
            votes = any(voter.id == seen.node.member_id for voter in ensemble.voters)
            pod.counted = votes and (ensemble.settled or pod.counted)
        since = old.leaderless_since_ms or self.now_ms
        facts = Facts(snapshot)
        same = old.plan_reason == decided.reason
        self.remembered = Remembered(
            cluster_id=facts.cluster_id,
            leaderless_since_ms=0 if ensemble else since,
            members=ensemble.members if ensemble else old.members,
            recovery_epoch=facts.recovered_epoch,
            order=facts.order,
            plan_reason=decided.reason,
            plan_since_ms=old.plan_since_ms if same else self.now_ms,
            feature_level=level_in_use(facts),
        )

    # ---- what others do --------------------------------------------------------------------------

    def drain(self, name: str) -> None:
        """A node is drained: its pod goes, if the budget lets it."""
        pod = self.kube.pods[name]
        if pod.terminating or (pod.counted and pod.ready_since_ms and not self.allowed()):
            return
        self.kube.stop(pod)

    def lose_node(self, name: str) -> None:
        """A node goes for good, and with it the volumes that only it can mount, for now."""
        for kind in ("data", "log"):
            if (claim := self.kube.claims.get(f"{kind}-{name}")) is not None:
                claim.lost_since_ms = self.now_ms
        self.kube.stop(self.kube.pods[name])

    # ---- what the operator does ------------------------------------------------------------------

    def carry_out(self, action: acts.Action, *, late: bool, fresh: bool) -> None:
        """One effect. `late`: decided on an old picture, so what must be looked at again is. `fresh`: on
        the very picture that counts, so there is no excuse.
        """
        if key_of(action).startswith(tuple(self.refuses)):
            raise Refused("it belongs to somebody else")
        self._do(action, late=late, fresh=fresh)
        check_drains(self)

    def _do(self, action: acts.Action, *, late: bool, fresh: bool) -> None:
        match action:
            case acts.AddLearner() | acts.Promote() | acts.Replace() | acts.RemoveMember():
                self._change_membership(action, late=late, fresh=fresh)
            case acts.UpdateMember(member_id, zone, index):
                members = [
                    replace(m, zone=zone) if m.id == member_id else m for m in self.ensemble.members
                ]
                self.ensemble.change(index, members)
            case acts.Transfer(leaving, to):
                self.ensemble.transfer(leaving, to)
            case acts.Drain(pod, uid):
                self.kube.pod_with(pod, uid).draining = True
            case acts.Undrain(pod, uid):
                self.kube.pod_with(pod, uid).draining = False
            case acts.Evict(name, uid):
                pod = self.kube.pod_with(name, uid)
                if pod.ready_since_ms and not self.allowed():
                    raise Refused("TooManyRequests: the budget allows nothing")
                self._take_down(pod, fresh=fresh)
            case acts.DeletePod(name, uid):
                self._take_down(self.kube.pod_with(name, uid), fresh=fresh)
            case acts.DeleteVolume(name, uid):
                claim = self.kube.claim_with(name, uid)
                check_deletion(self, claim, late=late)
                claim.terminating = True
            case acts.RetireVolume(name, uid):
                self.kube.claim_with(name, uid).retired_ms = self.now_ms
            case acts.AdoptVolume(name, uid):
                claim = self.kube.claim_with(name, uid)
                claim.owned, claim.retired_ms = True, 0
            case acts.UntieVolume(name, uid):
                self.kube.claim_with(name, uid).tied_to = frozenset()
            case acts.GrowVolume(name, uid, size):
                self.kube.claim_with(name, uid).bytes = size
            case _:
                self._change_kubernetes(action, late=late, fresh=fresh)

    def _change_membership(self, action: acts.MembershipAction, *, late: bool, fresh: bool) -> None:
        members = list(self.ensemble.members)
        found = {member.id: member for member in members}
        match action:
            case acts.AddLearner(_, address, incarnation, zone, index):
                if incarnation in {member.incarnation for member in members}:
                    return
                new = Member(self.ensemble.next_id, "learner", address, incarnation, zone)
                self.ensemble.change(index, [*members, new], adds=True)
            case acts.Promote(member_id, index):
                self._check_role(found, member_id, "learner")
                members = [replace(m, role="voter") if m.id == member_id else m for m in members]
                self.ensemble.change(index, members)
            case acts.Replace(old, new, index):
                self._check_role(found, old, "voter")
                self._check_role(found, new, "learner")
                members = [replace(m, role="voter") if m.id == new else m for m in members]
                self.ensemble.change(index, [m for m in members if m.id != old])
            case acts.RemoveMember(member_id, index):
                if member_id not in found:
                    return
                if member_id == self.ensemble.leader_id and not late:
                    raise Broken(f"member {member_id} is removed while it leads")
                if fresh and found[member_id].votes:
                    check_removal(self, found[member_id])
                self.ensemble.change(index, [m for m in members if m.id != member_id])

    def _check_role(self, found: dict[int, Member], member_id: int, role: str) -> None:
        if member_id not in found or found[member_id].role != role:
            raise Refused("WRONG_ROLE")

    def _take_down(self, pod: ModelPod, *, fresh: bool) -> None:
        member = self.member_of(pod)
        voters = {m.id: m for m in self.ensemble.members if m.votes}
        serving = member in voters and self.ensemble.has_quorum() and self.ensemble.leader_id
        well = bool(pod.ready_since_ms)
        if fresh:
            check_commitment(self, pod)
        self.kube.stop(pod)
        if not serving:
            return
        if member == self.ensemble.leader_id and len(voters) > 1:
            raise Broken(f"{pod.name} was taken down while it led")
        self.taken_down.add(pod.name)
        if len(self.taken_down) > 1:
            raise Broken(f"taken down at the same time: {sorted(self.taken_down)}")
        if fresh and well:
            self._check_others(pod, {m.pod for m in voters.values()} - {pod.name})

    def _check_others(self, pod: ModelPod, others: set[str]) -> None:
        """When a pod that is well is taken down, everybody else is there, and has been for a while."""
        settled_ms = self.now_ms - self.desired.min_healthy_ms
        for name in sorted(others):
            other = self.kube.pods.get(name)
            if other is None or not (other.ready_since_ms or other.draining):
                raise Broken(f"{pod.name} was taken down beside {name}, which is away")
            if self.came_back.get(name) == other.ready_since_ms > settled_ms:
                raise Broken(f"{pod.name} was taken down before {name} had settled")

    def _change_kubernetes(self, action: acts.Action, *, late: bool, fresh: bool) -> None:
        kube = self.kube
        match action:
            case acts.CreateFounding(members, recovery):
                if kube.founding is not None:
                    raise Refused("AlreadyExists: founding")
                self._write_founding(members, recovery=recovery)
            case acts.OpenFounding(members, seen):
                self._check_founding(seen)
                self._write_founding(members)
            case acts.CloseFounding(cluster_id, seen, recovery):
                self._check_founding(seen)
                self._write_founding((), cluster_id=cluster_id, recovery=recovery)
            case acts.OrderRecovery():
                self._order_recovery(action, fresh=fresh)
            case acts.CreatePool(name, zone, replicas, revision, size):
                if name in kube.pools:
                    raise Refused(f"AlreadyExists: {name}")
                uid = kube.fresh("pool")
                kube.pools[name] = ModelPool(name, zone, uid, replicas, revision, size, kube.made)
                kube.pools[name].deletes_volumes = self.desired.delete_volumes
            case acts.UpdatePool(name, seen):
                kube.pool_with(name, seen).deletes_volumes = self.desired.delete_volumes
            case acts.KeepVolumes(name, seen):
                kube.pool_with(name, seen).deletes_volumes = False
            case acts.SetPoolReplicas(name, replicas, seen):
                self._set_replicas(name, replicas, seen)
            case acts.SetTemplate(name, revision, seen):
                if revision not in {*self.revisions.known, self.desired.revision}:
                    raise (Refused if late else Broken)(f"template {revision} is not known")
                kube.pool_with(name, seen).revision = revision
                known = tuple({*self.revisions.known, revision})
                self._write_record(replace(self.revisions, known=known))
            case acts.OrphanPool(name, uid) | acts.DeletePool(name, uid):
                self._drop_pool(name, uid)
            case acts.ApplyResource(kind, name):
                self.resources = tuple(
                    r for r in self.resources if (r.kind, r.name) != (kind, name)
                )
            case acts.RecordGood(revision, rejected, level, seen):
                self._check_record(seen)
                known = tuple({revision, rejected} - {""})
                record = Revisions(revision, rejected, known, good_level=level)
                self._write_record(record)
            case acts.RejectRevision(revision, _, seen):
                self._check_record(seen)
                wrong = kube.bad_revisions | kube.greedy_revisions
                if fresh and revision not in wrong and fits(revision, self.level_in_use):
                    raise Broken(f"revision {revision} is rejected, and nothing is wrong with it")
                self._write_record(replace(self.revisions, rejected=revision))
            case acts.SetBudget(min_available, seen):
                if seen != ("" if kube.budget is None else str(kube.budget_version)):
                    raise Refused("Conflict: budget")
                kube.budget, kube.budget_version = min_available, kube.budget_version + 1
            case acts.Release():
                pass
            case _:
                raise Broken(f"the model does not know {action}")

    def _drop_pool(self, name: str, uid: str) -> None:
        if name not in self.kube.pools or self.kube.pools[name].uid != uid:
            raise Refused(f"Conflict: {name}")
        del self.kube.pools[name]
        for claim in self.kube.claims.values():
            claim.tied_to -= {uid}

    def _check_record(self, seen: str) -> None:
        if seen != self.revisions.resource_version:
            raise Refused("Conflict: revisions")

    def _write_record(self, record: Revisions) -> None:
        version = str(int(self.revisions.resource_version or 0) + 1)
        self.revisions = replace(record, resource_version=version)

    def _set_replicas(self, name: str, replicas: int, seen: str) -> None:
        pods, claims = self.kube.pods.values(), self.kube.claims.values()
        going = [pod for pod in pods if pod.pool == name and pod.ordinal >= replicas]
        whole = {claim.uid for claim in claims if not claim.terminating}
        self.kube.pool_with(name, seen).replicas = replicas
        for pod in going:
            voter = any(m.pod == pod.name and m.votes for m in self.ensemble.members)
            lost = pod.terminating and pod.claim_uid not in whole
            if voter and not lost and not self.desired.hibernate:
                raise Broken(f"{pod.name} goes and is still a voter")

    def _check_founding(self, seen: str) -> None:
        if self.kube.founding is None or seen != str(self.kube.founding_version):
            raise Refused("Conflict: founding")

    def _order_recovery(self, action: acts.OrderRecovery, *, fresh: bool) -> None:
        """What the effect looks at once more must hold on a fresh picture in any case."""
        self._check_founding(action.resource_version)
        there = {pod.uid for pod in self.kube.pods.values()}
        there |= {claim.uid for claim in self.kube.claims.values()}
        if there - {*action.pods, *action.volumes}:
            raise Refused("something came since the look")
        if self.ensemble.view() is not None:
            raise (Broken if fresh else Refused)("a recovery is ordered while somebody leads")
        if not self.majority_is_gone():
            raise (Broken if fresh else Refused)("a recovery is ordered, and a majority is there")
        if fresh and self.desired.force_quorum and not self.desired.force_quorum.survivor:
            voters = {member.id for member in self.ensemble.members if member.votes}
            asked = [pod for pod in self.kube.pods.values() if self.member_of(pod) in voters]
            disks = {pod.name: self.claim_of(pod).disk for pod in asked}
            check_survivor(action.survivor.partition(".")[0], disks)
        self._write_founding(
            (),
            cluster_id=action.cluster_id,
            recovery=f"{action.epoch}@{action.survivor}",
            uninformed=action.pods,
        )

    def majority_is_gone(self) -> bool:
        """Nobody can heal that."""
        return majority_is_gone(self.kube.claims.values(), self.ensemble.members)

    def _write_founding(
        self,
        members: tuple[tuple[int, str], ...],
        *,
        cluster_id: str = "",
        recovery: str = "",
        uninformed: tuple[str, ...] = (),
    ) -> None:
        self.kube.founding_version += 1
        self.kube.founding = {
            "open": "true" if members else "false",
            "members": ",".join(f"{number}={address}" for number, address in members),
            "opened_ms": str(self.now_ms),
            "cluster_id": cluster_id,
            "recovery": recovery,
            "uninformed": ",".join(uninformed),
        }


def want(world: World, **changes: Any) -> None:
    """The spec is another."""
    world.generation += 1
    world.desired = replace(world.desired, **changes)
