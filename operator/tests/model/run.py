"""Runs the operator's decisions in the model world: a list of moves, then calm, in which it must arrive."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from tests.model.ensemble import Broken, Refused
from tests.model.losses import whole_voters
from tests.model.releases import fits, fitting
from tests.model.world import World, want

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.observe.desired import ForceQuorum
from raftkeeper_operator.observe.snapshot import Snapshot

Decide: TypeAlias = Callable[[Snapshot], Plan]
Move: TypeAlias = tuple[str, int]
"""What happens, and a number that says to whom."""

SNAPSHOTS_KEPT = 6
"""How far back a late operator may look: some steps, as long as a lease lasts."""

CALM_STEPS_MAX = 600
"""Nine members moved one by one take about 300 steps of the operator."""

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

    # ---- the operator ----------------------------------------------------------------------------

    def step(self, *, dies: bool = False) -> Plan:
        """Observe, decide, act once, report; one that dies does not get to report."""
        snapshot = self.world.observe()
        self.seen = [*self.seen[-SNAPSHOTS_KEPT + 1 :], snapshot]
        plan = self.decide(snapshot)
        self._act(plan, late=False, fresh=True)
        if not dies:
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
                world.delete_cluster_and_apply_again()
                self.seen.clear()  # nobody has seen anything of the new object
            case "full":
                world.kube.full_zones ^= {("", *"abcd")[number % 5]}
            case "spec":
                specs = (*SPECS, *RELEASES) if world.has_releases else SPECS
                want(world, **specs[number % len(specs)])
            case _:
                pass
        world._run_nodes()

    def _lose_volume(self, name: str, number: int) -> None:
        """Somebody deletes a claim with its pod. Not a majority of them: nobody can heal that."""
        world = self.world
        kinds = ("data", "log") if world.kube.log_volumes else ("data",)
        claim = world.kube.claims.get(f"{kinds[number // 7 % len(kinds)]}-{name}")
        voters = [m for m in world.ensemble.members if m.votes]
        claims = [c for c in world.kube.claims.values() if not c.terminating]
        lives = {c.disk.incarnation for c in claims if not c.is_log}
        if world.kube.log_volumes:
            lives &= {c.written_by for c in claims if c.is_log}
        whole = sum(voter.incarnation in lives for voter in voters)
        if claim is None or world.ensemble.before is not None or whole - 1 <= len(voters) // 2:
            return
        if self._is_recovering():  # the survivor's disk may be the last
            return
        claim.terminating = True
        world.kube.stop(world.kube.pods[name])

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
        want(world, hibernate=False)
        quiet = 0
        for steps in range(CALM_STEPS_MAX):
            plan = self.step()
            if not self.acted:
                world.tick()
            stuck = plan.reason in {"VersionSkew", "UpgradeStalled"}
            if stuck and not self.can_come_up(world.desired.revision):
                want(world, revision=fitting(world.level_in_use, steps + 10))
            if plan.reason in {"QuorumLost", "RecoveryRefused"} and world.majority_is_gone():
                self.force()
            if plan.reason == "RolledBack":  # for what the faults did
                want(world, revision=fitting(world.level_in_use, steps + 10))
            quiet = quiet + 1 if plan.idle else 0
            if quiet > 20:
                self.check_arrived()
                return steps
        raise Broken(f"it does not arrive: {plan.reason}: {plan.message}")

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
        claims = sorted(world.kube.claims)
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
