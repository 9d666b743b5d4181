"""What of a spec is not in use, in sentences: fields that go with others which are not set. Pure.

Such a field is no error, so the API server takes it, and whoever wrote it believes that it holds.
"""

from collections.abc import Iterator

from raftkeeper_operator.build.blueprint import Blueprint
from raftkeeper_operator.build.node_config import outranked_settings


def ignored_fields(blueprint: Blueprint) -> Iterator[str]:
    """A sentence for each."""
    client, policy = blueprint.spec.services.client, blueprint.spec.network_policy
    if client.load_balancer_source_ranges and client.type != "LoadBalancer":
        yield (
            "services.client.loadBalancerSourceRanges: is for type LoadBalancer only, so nobody is "
            f"kept out of this {client.type}; networkPolicy.clients does that"
        )
    for name, sources in (("clients", policy.clients), ("monitoring", policy.monitoring)):
        if sources and not policy.enabled:
            yield f"networkPolicy.{name}: holds only with networkPolicy.enabled, so everybody is let in"
    for setting in outranked_settings(blueprint):
        yield f"keeper.extra: {setting} outranks the field of the spec for it, which says something else"
