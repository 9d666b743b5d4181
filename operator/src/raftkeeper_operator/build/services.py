"""The two Services: one for clients, one that gives every pod a name of its own."""

from raftkeeper_operator.api.names import (
    ADMIN_PORT,
    HTTP_PORT,
    PEER_PORT,
    selector,
)
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.pod_template import CLIENT_PORT_NAMES


def build_client_service(blueprint: Blueprint) -> Object:
    """Leads to the pods that serve, on each port to those that serve it."""
    service = blueprint.spec.services.client
    ports = [_port(CLIENT_PORT_NAMES[number], number) for number in blueprint.client_ports]
    spec: Object = {
        "type": service.type,
        "selector": selector(blueprint.name),
        "ports": ports,
    }
    if service.external_traffic_policy:
        spec["externalTrafficPolicy"] = service.external_traffic_policy
    if service.load_balancer_source_ranges and service.type == "LoadBalancer":
        spec["loadBalancerSourceRanges"] = list(service.load_balancer_source_ranges)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": blueprint.metadata(
            blueprint.names.client_service,
            component="client",
            annotations=service.annotations,
            more_labels=service.labels,
        ),
        "spec": spec,
    }


def build_members_service(blueprint: Blueprint) -> Object:
    """Headless. Members find each other before they are ready: they become so by finding each other."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": blueprint.metadata(blueprint.names.members_service, component="members"),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector(blueprint.name),
            "ports": [
                _port("peer", PEER_PORT),
                _port("admin", ADMIN_PORT),
                _port("http", HTTP_PORT),
            ],
        },
    }


def _port(name: str, number: int) -> Object:
    return {"name": name, "port": number, "targetPort": name, "protocol": "TCP"}
