"""The ConfigMap that remembers pod templates and how rollouts with them ended; a rollback's only memory."""

from collections.abc import Mapping

from raftkeeper_operator.build.blueprint import Blueprint, Object


def build_revisions(blueprint: Blueprint, data: Mapping[str, str]) -> Object:
    """What the data means stands in `observe.kept`, which reads it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": blueprint.metadata(blueprint.names.revisions_config, component="revisions"),
        "data": dict(data),
    }
