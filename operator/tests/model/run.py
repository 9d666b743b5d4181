"""Runs the operator's decisions in the model world: a list of moves, then calm, in which it must arrive."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from tests.model.ensemble import Broken, Refused
from tests.model.losses import whole_voters
from tests.model.releases import fits, fitting, level_of
from tests.model.world import World, want

from raftkeeper_operator.act.executor import Report, Result
from raftkeeper_operator.app.refusals import Refusals
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Plan, Release
from raftkeeper_operator.observe.desired import ForceQuorum, WhenScaled
from raftkeeper_operator.observe.snapshot import Resource, Snapshot

Decide: TypeAlias = Callable[[Snapshot], Plan]
Move: TypeAlias = tuple[str, int]
"""What happens, and a number that says to whom."""

KEY = ("ns", "x")

BUDGET_REFUSED, POOL_REFUSED, MONITOR_REFUSED = REFUSED = (
    "SetBudget/",
    "CreatePool/x-d/",
    "ApplyResource/ServiceMonitor/",
)
"""Beginnings of the keys of actions that may be refused for good. Without a pool its zone cannot be had."""

SNAPSHOTS_KEPT = 6
"""How far back a late operator may look: some steps, as long as a lease lasts."""

CALM_STEPS_MAX = 600
"""Nine members moved one by one take about 300 steps of the operator."""

DELETION_STEPS_MAX = 60
"""A step for each volume and pool, and a tick for a controller now and then."""

RECOVERY_KINDS = (
    *("step",) * 8,
    *("tick",) * 8,
    *("die", "stale", "late", "crash", "delete pod", "lose volume", "zone", "spec", "lose change"),
    *("lose many", "lose many", "force", "force", "bring back", "bring back"),
)
"""The moves of stories in which a majority is lost for good. No cluster is deleted and applied again there:
the order goes with it, and then old disks must stay away."""

SPECS: tuple[dict[str, object], ...] = (
    {"replicas": 1},
    {"replicas": 3},
    {"replicas": 5},
    {"zones": ()},
    {"zones": ("a", "b", "c")},
    {"zones": ("a", "b", "d")},
    {"zones": ("b",)},
    {"revision": "v2"},
    {"revision": "v3"},
    {"revision": "bad"},
    {"revision": "greedy"},
    {"hibernate": True},
    {"hibernate": False},
    {"leader_zones": ("b",)},
    {"storage_bytes": 2},
    {"pod_disruption_budget": False},
    {"delete_volumes": True},
    {"delete_volumes": False},
    {"paused": True},
    {"paused": False},
    {"when_scaled": WhenScaled.RETAIN},
    {"when_scaled": WhenScaled.QUARANTINE},
)

RELEASES: tuple[dict[str, object], ...] = ({"revision": "next"}, {"revision": "far"})
"""Of other feature levels; in some worlds only, because whatever is stuck on them hides other faults."""


class Run:
    """A world with an operator in it, and what it saw of late."""

    def __init__(self, world: World, decide: Decide) -> None:
        self.world = world
        self.decide = decide
        self.seen: list[Snapshot] = []
        self.acted = False
        """The last step had an effect."""
        self.history: list[str] = []
        self.refusals = Refusals(lambda: world.now_ms / 1000)

    # ---- the operator ----------------------------------------------------------------------------

    def step(self, *, dies: bool = False) -> Plan:
        """Observe, decide, act once, report; one that dies does not get to report."""
        snapshot = self.world.observe()
        refused = self.refusals.of(KEY, snapshot.generation)
        snapshot = replace(snapshot, refused=refused)
        self.seen = [*self.seen[-SNAPSHOTS_KEPT + 1 :], snapshot]
        plan = self.decide(snapshot)
        self._act(plan, late=False, fresh=True)
        if plan.action is not None:
            self.refusals.note(KEY, plan, Report(Result.DONE if self.acted else Result.REFUSED))
        if dies:
            self.refusals.forget(KEY)
        else:
            self.world.report(snapshot, plan)
        return plan

    def step_late(self, age: int) -> None:
        """An operator that stood still acts on what it saw some time ago."""
        if self.seen:
            self._act(self.decide(self.seen[-1 - age % len(self.seen)]), late=True, fresh=False)

    def step_stale(self, age: int) -> None:
        """Kubernetes is seen as it was some time ago (a cache), the membership as it is now."""
        if self.seen:
            old = self.seen[-1 - age % len(self.seen)]
            now = self.world.observe()
            mixed = replace(now, pools=old.pools, pods=old.pods, volumes=old.volumes)
            self._act(self.decide(mixed), late=False, fresh=False)

    def _act(self, plan: Plan, *, late: bool, fresh: bool) -> None:
        line = f"{'late ' if late else ''}{plan.reason}: {plan.action or plan.message}"
        if line not in self.history[-1:]:
            self.history.append(line)
        self.acted = False
        if plan.action is None:
            return
        try:
            self.world.carry_out(plan.action, late=late, fresh=fresh)
            self.acted = True
        except Refused as refusal:
            self.history.append(f"  refused: {refusal}")

    # ---- moves -----------------------------------------------------------------------------------

    def move(self, kind: str, number: int) -> None:
        """One thing happens."""
        self.history.append(f"-- {kind} {number}")
        world = self.world
        pods = sorted(world.kube.pods.values(), key=lambda pod: pod.name)
        match kind:
            case "step":
                self.step()
            case "die":
                self.step(dies=True)
            case "late":
                self.step_late(number)
            case "stale":
                self.step_stale(number)
            case "tick":
                world.tick()
            case "lose change":
                world.lose_change = bool(number % 2)
            case "crash" if pods:
                world.kube.crash(pods[number % len(pods)], world.now_ms)
            case "delete pod" if pods:
                world.kube.stop(pods[number % len(pods)])
            case "lose volume" if pods:
                self._lose_volume(pods[number % len(pods)].name, number)
            case "lose many" if pods:
                self._lose_majority(number)
            case "bring back" if world.lost_disks:
                self._bring_back(sorted(world.lost_disks)[number % len(world.lost_disks)])
            case "force":
                self.force(min(number % 3, 1), self._somebody(number))
            case "zone":
                world.kube.zones_down ^= {"abcd"[number % 4]}
            case "apply again":
                self.delete_and_apply_again()
            case "drain" if pods:
                world.drain(pods[number % len(pods)].name)
            case "lose node" if pods:
                self._lose_node(pods[number % len(pods)].name)
            case "node back":
                for claim in world.kube.claims.values():
                    claim.lost_since_ms = 0
            case "refuse":
                self._refuse(REFUSED[number % len(REFUSED)])
            case "full":
                world.kube.full_zones ^= {("", *"abcd")[number % 5]}
            case "spec":
                specs = (*SPECS, *RELEASES) if world.has_releases else SPECS
                want(world, **specs[number % len(specs)])
            case _:
                pass
        world._run_nodes()

    def delete_and_apply_again(self) -> None:
        """Somebody sees to it that the volumes stay, deletes the cluster as it is, and applies it again."""
        want(self.world, delete_volumes=False)
        self.world.deleting = True
        for _ in range(DELETION_STEPS_MAX):
            if isinstance(self.step().action, Release):
                break
            if not self.acted:
                self.world.tick()
        else:
            raise Broken("the cluster cannot be deleted")
        self.world.delete_cluster_and_apply_again()
        self.seen.clear()  # nobody has seen anything of the new object

    def _lose_volume(self, name: str, number: int) -> None:
        """Somebody deletes a claim with its pod. Not a majority of them: nobody can heal that."""
        world = self.world
        kinds = ("data", "log") if world.kube.log_volumes else ("data",)
        claim = world.kube.claims.get(f"{kinds[number // 7 % len(kinds)]}-{name}")
        voters = [m for m in world.ensemble.members if m.votes]
        whole = self._count_whole()
        if claim is None or world.ensemble.before is not None or whole - 1 <= len(voters) // 2:
            return
        if self._is_recovering():  # the survivor's disk may be the last
            return
        claim.terminating = True
        world.kube.stop(world.kube.pods[name])

    def _count_whole(self) -> int:
        """Voters whose disks are there."""
        world = self.world
        claims = [c for c in world.kube.claims.values() if not c.terminating and not c.lost]
        lives = {c.disk.incarnation for c in claims if not c.is_log}
        if world.kube.log_volumes:
            lives &= {c.written_by for c in claims if c.is_log}
        return sum(m.incarnation in lives for m in world.ensemble.members if m.votes)

    def _lose_node(self, name: str) -> None:
        """As long as a majority of the voters is left."""
        voters = sum(member.votes for member in self.world.ensemble.members)
        if self.world.ensemble.before is None and self._count_whole() - 1 > voters // 2:
            self.world.lose_node(name)

    def _refuse(self, what: str) -> None:
        """From now on, or no longer: another's object has the name, or admission refuses it."""
        world = self.world
        world.refuses ^= {what}
        if what == BUDGET_REFUSED:
            world.kube.budget = None
            world.kube.budget_version += 1
        if what == MONITOR_REFUSED:
            world.resources = (Resource("ServiceMonitor", "x"),)

    def _lose_majority(self, number: int) -> None:
        """A majority of the claims goes, with their pods; one voter keeps its disk, or nothing is left to
        recover. Not while a recovery is on its way: its survivor may be the last. Not before the operator
        has heard of the ensemble either: then nobody can say that there was one.
        """
        world = self.world
        voters = [m for m in world.ensemble.members if m.votes]
        whole = whole_voters(world.kube.claims.values(), voters)
        unheard = not (world.kube.founding or {}).get("cluster_id")
        busy = world.ensemble.before is not None or self._is_recovering()
        if unheard or busy or len(whole) < len(voters):
            return
        start = number % max(1, len(voters))
        going = [*voters[start:], *voters[:start]][: len(voters) // 2 + 1]
        for voter in going if len(going) < len(voters) else []:
            claim = next(
                c for c in world.kube.claims.values() if c.disk.incarnation == voter.incarnation
            )
            world.lost_disks[claim.name] = replace(claim.disk)
            claim.terminating = True
            name = claim.name.removeprefix("data-")
            if name in world.kube.pods:
                world.kube.stop(world.kube.pods[name])

    def _bring_back(self, name: str) -> None:
        """A claim gets the disk that it had before it was lost, unless a voter lives on what it has now."""
        world = self.world
        claim = world.kube.claims.get(name)
        voters = {member.incarnation for member in world.ensemble.members}
        if claim is None or claim.terminating or claim.disk.incarnation in voters:
            return
        claim.uid, claim.disk = world.kube.fresh("pvc"), world.lost_disks.pop(name)
        pod = world.kube.pods.pop(name.removeprefix("data-"), None)
        if pod is not None:
            world.taken_down.discard(pod.name)

    def _is_recovering(self) -> bool:
        order = Facts(self.world.observe()).order
        return order is not None and self.world.ensemble.recovery_epoch < order.epoch

    def _somebody(self, number: int) -> str:
        """A pod, or '' for whoever knows most."""
        pods = sorted(self.world.kube.pods)
        return pods[number % len(pods)] if pods and number % 4 == 0 else ""

    def force(self, by: int = 1, survivor: str = "") -> None:
        """A person acknowledges the loss, and asks for a recovery; or says the same once more."""
        facts = Facts(self.world.observe())
        epoch = max(facts.order.epoch if facts.order else 0, facts.recovered_epoch) + by
        want(self.world, force_quorum=ForceQuorum(epoch, survivor, acknowledged=True))

    # ---- calm ------------------------------------------------------------------------------------

    def calm_down(self) -> int:
        """No more faults, and a spec that can be had: how many steps it takes to get there."""
        world = self.world
        world.kube.zones_down.clear()
        world.kube.full_zones.clear()
        world.lose_change = False
        can_roll_back = world.revisions.good and self.can_come_up(world.revisions.good)
        if not self.can_come_up(world.desired.revision) and not can_roll_back:
            want(world, revision=fitting(world.level_in_use, 4))
        want(world, hibernate=False, paused=False)
        world.refuses -= {POOL_REFUSED}
        quiet = 0
        for steps in range(CALM_STEPS_MAX):
            plan = self.step()
            if not self.acted:
                world.tick()
            stuck = plan.reason in {"VersionSkew", "UpgradeStalled"}
            if stuck and not self.can_come_up(world.desired.revision):
                want(world, revision=fitting(world.level_in_use, steps + 10))
            elif stuck and steps % 50 == 49:  # as the leader has it, then
                want(world, revision=fitting(self.leaders_level(), steps + 10))
            if plan.reason in {"QuorumLost", "RecoveryRefused"} and world.majority_is_gone():
                self.force()
            if plan.reason == "RolledBack":  # for what the faults did
                want(world, revision=fitting(world.level_in_use, steps + 10))
            if steps % 50 == 49 and not quiet and not self.can_come_up(world.desired.revision):
                # A person who looks at the conditions sees it, whatever the plan says.
                want(world, revision=fitting(world.level_in_use, steps + 10))
            if plan.reason == "VolumeRetained":  # as the plan asks for
                world.kube.claims[plan.target].terminating = True
            is_done = plan.idle or (world.refuses and plan.reason == "ActionRefused")
            quiet = quiet + 1 if is_done else 0
            if quiet > 20:
                self.check_arrived()
                return steps
        raise Broken(f"it does not arrive: {plan.reason}: {plan.message}")

    def leaders_level(self) -> int:
        """What its release reads; else what is in use."""
        world = self.world
        pods = [p for p in world.kube.pods.values() if p.running]
        leading = [p for p in pods if world.member_of(p) == world.ensemble.leader_id]
        return level_of(leading[0].revision) if leading else world.level_in_use

    def can_come_up(self, revision: str) -> bool:
        """Nothing is wrong with it here."""
        wrong = self.world.kube.bad_revisions | self.world.kube.greedy_revisions
        return revision not in wrong and fits(revision, self.world.level_in_use)

    def check_arrived(self) -> None:
        """Exactly the wanted members, all with the wanted template, nothing left over."""
        world = self.world
        facts = Facts(world.observe())
        wanted = sorted(seat.pod for seat in facts.wanted)
        members = sorted(m.pod for m in world.ensemble.members if m.votes)
        if members != wanted or len(world.ensemble.members) != len(wanted):
            raise Broken(f"members {members}, wanted {wanted}")
        if sorted(world.kube.pods) != wanted:
            raise Broken(f"pods {sorted(world.kube.pods)}, wanted {wanted}")
        for pod in world.kube.pods.values():
            if pod.revision != world.desired.revision or not pod.ready_since_ms or pod.draining:
                raise Broken(f"{pod.name} is not as wanted: {pod}")
        if sorted(world.kube.pools) != sorted(facts.sizes):
            raise Broken(f"pools {sorted(world.kube.pools)}, wanted {sorted(facts.sizes)}")
        retained = world.desired.when_scaled is WhenScaled.RETAIN
        kept = world.kube.claims.values()
        claims = sorted(c.name for c in kept if not (retained and c.retired_ms))
        kinds = ("data", "log") if world.kube.log_volumes else ("data",)
        if claims != sorted(f"{kind}-{pod}" for pod in wanted for kind in kinds):
            raise Broken(f"volumes {claims} for {wanted}")


def play(decide: Decide, world: World, moves: Sequence[Move]) -> Run:
    """All moves, then calm."""
    run = Run(world, decide)
    try:
        for kind, number in moves:
            run.move(kind, number)
        run.calm_down()
    except Broken as broken:
        tail = "\n".join(run.history[-60:])
        raise Broken(f"{broken}\n{tail}") from broken
    return run
