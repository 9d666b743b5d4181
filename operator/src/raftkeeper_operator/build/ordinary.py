"""Every ordinary object of a cluster in one list: what should be there, and what might be but should not.

Ordinary are those that follow from the spec alone and can be applied at any time without harm. Pools, the
founding, the disruption budget and Secrets are not: when they change is decided elsewhere.
"""

from collections.abc import Callable
from typing import Final

from raftkeeper_operator.build.access import build_network_policy, build_service_account
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.certificates import (
    build_client_certificate,
    build_peer_certificate,
    has_client_certificate,
    has_peer_certificate,
)
from raftkeeper_operator.build.monitoring import build_prometheus_rule, build_service_monitor
from raftkeeper_operator.build.node_config import build_node_config
from raftkeeper_operator.build.services import build_client_service, build_members_service

Builder = Callable[[Blueprint], Object]

ALWAYS: Final[tuple[Builder, ...]] = (
    build_service_account,
    build_node_config,
    build_members_service,
    build_client_service,
)
"""In the order in which they are made; the members' Service before any pod asks for its name."""

SOMETIMES: Final[tuple[tuple[Callable[[Blueprint], bool], Builder], ...]] = (
    (has_peer_certificate, build_peer_certificate),
    (has_client_certificate, build_client_certificate),
    (lambda blueprint: blueprint.spec.network_policy.enabled, build_network_policy),
    (lambda blueprint: blueprint.spec.monitoring.service_monitor, build_service_monitor),
    (lambda blueprint: blueprint.spec.monitoring.prometheus_rule, build_prometheus_rule),
)


def wanted_objects(blueprint: Blueprint) -> tuple[Object, ...]:
    """What the spec asks for."""
    sometimes = [build for is_wanted, build in SOMETIMES if is_wanted(blueprint)]
    return tuple(build(blueprint) for build in (*ALWAYS, *sometimes))


def unwanted_objects(blueprint: Blueprint) -> tuple[Object, ...]:
    """What an earlier spec may have asked for; kind and name count."""
    return tuple(build(blueprint) for is_wanted, build in SOMETIMES if not is_wanted(blueprint))
