"""The one decision: from a snapshot to a plan. Pure and total; the order of the rules is the priority.

A rule that has something to do gives a plan with an action, one that must wait a plan without, one that
has nothing to say None. Rules of the first list have the last word: nothing below may act while they wait.
Of the others the first with an action wins, so a blocked rule does not keep a later one from helping; if
none can act, the plan is the first thing that waits. An action that was refused again and again of late is passed
over, and is the plan when nothing else is.

Nothing is remembered between decisions: what was half done when the operator died is seen in what is
there, and the same rules finish it.
"""

from collections.abc import Callable
from typing import TypeAlias

from raftkeeper_operator.decide.bootstrap import adopt, create_pools, found
from raftkeeper_operator.decide.deletion import delete_cluster
from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.hibernation import hibernate, wake
from raftkeeper_operator.decide.leadership import answer_request, book_zones, place_leader
from raftkeeper_operator.decide.learners import finish_learners
from raftkeeper_operator.decide.plan import Plan, wait
from raftkeeper_operator.decide.quorum import explain_leaderless, refuse_foreign
from raftkeeper_operator.decide.recovery import accept_recovered, force_recovery
from raftkeeper_operator.decide.refusals import set_aside
from raftkeeper_operator.decide.repair import (
    give_up_lost_disks,
    repair_lost_volumes,
    wipe_removed,
)
from raftkeeper_operator.decide.resources import apply_resources, keep_budget, renew_certificates
from raftkeeper_operator.decide.retention import keep_volumes
from raftkeeper_operator.decide.rollout import roll_out
from raftkeeper_operator.decide.scale import keep_clients, scale, shrink_pools
from raftkeeper_operator.decide.template import (
    explain_held_up,
    explain_rollback,
    record_good,
    roll_back,
    set_templates,
)
from raftkeeper_operator.decide.volumes import delete_empty_pools, grow_volumes, retire_volumes
from raftkeeper_operator.observe.snapshot import Snapshot

Rule: TypeAlias = Callable[[Facts], Plan | None]


def pause(facts: Facts) -> Plan | None:
    """A person has the wheel."""
    if not facts.desired.paused:
        return None
    return wait("Paused", "spec.paused is set: the operator watches and changes nothing")


EXCLUSIVE: tuple[Rule, ...] = (
    delete_cluster,
    keep_volumes,
    pause,
    accept_recovered,
    refuse_foreign,
    found,
    hibernate,
)
"""While one of these has a plan, it is the plan."""

RULES: tuple[Rule, ...] = (
    # What must be there before anything else can be seen.
    create_pools,
    wake,
    adopt,
    force_recovery,
    explain_leaderless,
    # What was begun, and what broke.
    finish_learners,
    shrink_pools,
    repair_lost_volumes,
    wipe_removed,
    give_up_lost_disks,
    keep_budget,
    # Nothing that somebody wants to be different may keep a certificate from being renewed.
    renew_certificates,
    # What somebody wants to be different; templates last: their pods need the objects.
    answer_request,
    keep_clients,
    scale,
    apply_resources,
    record_good,
    roll_back,
    explain_held_up,
    set_templates,
    roll_out,
    # What can wait.
    retire_volumes,
    delete_empty_pools,
    grow_volumes,
    book_zones,
    place_leader,
    explain_rollback,
)
"""The first that can act does; else the first that waits is the plan."""


def decide(snapshot: Snapshot) -> Plan:
    """What to do next, and why."""
    facts = Facts(snapshot)
    for rule in EXCLUSIVE:
        if plan := rule(facts):
            return plan
    waiting = aside = None
    for rule in RULES:
        plan = rule(facts)
        if plan is not None and plan.action is not None:
            refusal = facts.refusal(plan)
            if refusal is None:
                return plan
            aside = aside or set_aside(plan, refusal)
        else:
            waiting = waiting or plan
    return waiting or aside or Plan(None, "Settled", "everything is as the spec has it")
