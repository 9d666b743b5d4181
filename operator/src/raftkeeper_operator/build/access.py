"""Who may do what: the pods' service account, and the policy of their network."""

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import (
    ADMIN_PORT,
    HTTP_PORT,
    PEER_PORT,
    selector,
)
from raftkeeper_operator.build.backup_job import BACKUP_COMPONENT
from raftkeeper_operator.build.blueprint import Blueprint, Object

OPERATOR_SELECTOR = {labels.NAME: labels.MANAGER}
"""Labels of the operator's own pods, as its chart sets them."""


def build_service_account(blueprint: Blueprint) -> Object:
    """Nodes never talk to Kubernetes, so no token is mounted and no role is bound."""
    account: Object = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": blueprint.metadata(blueprint.names.service_account),
        "automountServiceAccountToken": False,
    }
    if blueprint.spec.image.pull_secrets:
        account["imagePullSecrets"] = [
            {"name": name} for name in blueprint.spec.image.pull_secrets
        ]
    return account


def build_network_policy(blueprint: Blueprint) -> Object:
    """Members are reached by each other, the operator, backups, clients, and who collects metrics."""
    spec = blueprint.spec.network_policy
    operator = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": blueprint.surroundings.namespace}
        },
        "podSelector": {"matchLabels": OPERATOR_SELECTOR},
    }
    members = {"podSelector": {"matchLabels": selector(blueprint.name)}}
    backups = {
        "podSelector": {
            "matchLabels": {
                labels.CLUSTER: blueprint.name,
                labels.COMPONENT: BACKUP_COMPONENT,
            }
        }
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": blueprint.metadata(blueprint.names.network_policy),
        "spec": {
            "podSelector": {"matchLabels": selector(blueprint.name)},
            "policyTypes": ["Ingress"],
            "ingress": [
                # The admin port as well: what is asked of one member by hand goes on to the leader.
                _rule([PEER_PORT, ADMIN_PORT], [members]),
                _rule([ADMIN_PORT, HTTP_PORT], [operator]),
                _rule([ADMIN_PORT], [backups]),
                _rule(list(blueprint.client_ports), list(spec.clients)),
                _rule([HTTP_PORT], list(spec.monitoring)),
            ],
        },
    }


def _rule(ports: list[int], sources: list[Object]) -> Object:
    rule: Object = {"ports": [{"protocol": "TCP", "port": port} for port in ports]}
    if sources:
        rule["from"] = sources
    return rule
