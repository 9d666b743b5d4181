"""Which templates are in use beside the one that the spec leads to: in the pods there are, and after a rollback.

What is built around the pods (Services, policies, backups' Jobs) follows these, or it would be ahead of a
rollout, and ahead for ever of one that was rolled back.
"""

from collections.abc import Iterable, Mapping

from raftkeeper_operator.api.names import CLIENT_PORT, CLIENT_TLS_PORT
from raftkeeper_operator.build.pod_template import PodTemplate, node_container
from raftkeeper_operator.observe.fields import Object
from raftkeeper_operator.observe.kept import templates_of
from raftkeeper_operator.observe.snapshot import Revisions

CLIENT_PORTS = frozenset({CLIENT_PORT, CLIENT_TLS_PORT})


def target_template(wanted: PodTemplate, revisions: Revisions, kept: Object | None) -> Object:
    """What all pods shall have in the end. `kept` is the ConfigMap of revisions."""
    return templates_of(kept).get(revisions.target(wanted.revision), wanted.template)


def proven_template(revisions: Revisions, kept: Object | None) -> Object | None:
    """The last that all pods ran well with; None where there is none yet."""
    return templates_of(kept).get(revisions.good)


def client_ports_of(target: Object, pods: Mapping[str, Object]) -> frozenset[int]:
    """Those that any pod serves, and those that all will."""
    found: set[int] = set()
    bodies: Iterable[Object] = (target, *pods.values())
    for body in bodies:
        ports = node_container(body).get("ports") or []
        found |= {int(port.get("containerPort") or 0) for port in ports}
    return frozenset(found & CLIENT_PORTS)
