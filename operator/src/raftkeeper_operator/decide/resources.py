"""The objects around the pods: Services, Secrets, configuration, certificates, the disruption budget.

None of this can disturb a member, so none of it waits for anything.
"""

from collections.abc import Iterator
from typing import Final

from raftkeeper_operator.decide.facts import Facts
from raftkeeper_operator.decide.plan import (
    ApplyResource,
    Plan,
    RenewCertificate,
    SetBudget,
    UpdatePool,
    act,
)
from raftkeeper_operator.observe.snapshot import Resource

PODS_NEED: Final = frozenset({"Certificate", "ConfigMap", "Secret", "Service", "ServiceAccount"})
"""Kinds without which a pod does not start, or is not found by the others."""


def why_unprepared(facts: Facts) -> str:
    """What a pod that starts now would wait for; '' when nothing is missing."""
    for resource in facts.snapshot.resources:
        if resource.missing and resource.kind in PODS_NEED:
            return f"{resource.kind} {resource.name} is not there yet"
    return ""


def apply_resources(facts: Facts) -> Plan | None:
    """Ordinary objects, missing or different."""
    return facts.first_possible(_differences(facts))


def _differences(facts: Facts) -> Iterator[Plan]:
    for resource in facts.snapshot.resources:
        yield act(
            ApplyResource(resource.kind, resource.name, resource.unwanted),
            "ApplyingResources",
            f"{resource.kind} {resource.name} {_state(resource)}",
            resource.name,
        )
    for pool in facts.snapshot.pools:
        if not pool.current and not pool.deleting:
            yield act(
                UpdatePool(pool.name, pool.resource_version),
                "ApplyingResources",
                f"StatefulSet {pool.name} is not as the spec has it",
                pool.name,
            )


def _state(resource: Resource) -> str:
    if resource.missing:
        return "is not there yet"
    return "is no longer wanted" if resource.unwanted else "is not as the spec has it"


def renew_certificates(facts: Facts) -> Plan | None:
    """At two thirds of their life, or when a new name is to be in them. Nodes read them again."""
    return facts.first_possible(_renewals(facts))


def _renewals(facts: Facts) -> Iterator[Plan]:
    for certificate in facts.snapshot.certificates:
        if not certificate.not_after_ms:
            why = "is not there yet, or cannot be used"
        elif not certificate.covers_all:
            why = "does not name every address"
        elif facts.snapshot.now_ms >= certificate.renew_ms:
            why = "has passed two thirds of its life"
        else:
            continue
        yield act(
            RenewCertificate(certificate.name),
            "RenewingCertificate",
            f"the certificate in Secret {certificate.name} {why}",
            certificate.name,
        )


def wanted_budget(facts: Facts) -> int | None:
    """How many voters' pods a drain must leave ready, from the voters there are; None when not known.

    It may take one at most, whatever the majority would bear: the rest of the slack is for what nobody
    planned.
    """
    ensemble = facts.snapshot.ensemble
    return _budget_of(facts, len(ensemble.voters)) if ensemble is not None else None


def _budget_of(facts: Facts, voters: int) -> int:
    if voters == 1:
        return 0 if facts.desired.allow_single_node_drain else 1
    return voters - min(1, (voters - 1) // 2)


def raise_budget(facts: Facts, voters: int) -> Plan | None:
    """Before there are more voters: a drain asks the budget at any moment, and of two none may go.

    None: it is high enough, there shall be none, or it cannot be had.
    """
    budget, wanted = facts.snapshot.budget, _budget_of(facts, voters)
    if not facts.desired.pod_disruption_budget:
        return None
    if budget is not None and budget.min_available >= wanted:
        return None
    plan = act(
        SetBudget(wanted, budget.resource_version if budget is not None else ""),
        "SettingBudget",
        f"of {voters} voters that there will be a drain must leave {wanted} ready",
    )
    return plan if facts.refusal(plan) is None else None


def keep_budget(facts: Facts) -> Plan | None:
    """The PodDisruptionBudget follows the committed voters."""
    budget = facts.snapshot.budget
    if not facts.desired.pod_disruption_budget:
        if budget is None:
            return None
        unwanted = SetBudget(None, budget.resource_version)
        return act(unwanted, "SettingBudget", "no PodDisruptionBudget is wanted")
    wanted = wanted_budget(facts)
    if wanted is None or (budget is not None and budget.min_available == wanted):
        return None
    if budget is not None and budget.min_available > wanted and facts.settled is None:
        # Until the change is committed those that it removes are needed as well.
        return None
    ensemble = facts.snapshot.ensemble
    count = len(ensemble.voters) if ensemble is not None else 0
    return act(
        SetBudget(wanted, budget.resource_version if budget is not None else ""),
        "SettingBudget",
        f"of {count} voters a drain must leave {wanted} ready",
    )
