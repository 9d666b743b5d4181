"""A pool: the StatefulSet of a zone, or the only one."""

from raftkeeper_operator.api import labels
from raftkeeper_operator.api.names import pool_label, selector
from raftkeeper_operator.build.blueprint import Blueprint, Object
from raftkeeper_operator.build.data_volumes import claim_templates
from raftkeeper_operator.build.node_config import digest
from raftkeeper_operator.build.pod_template import for_pool


def build_stateful_set(
    blueprint: Blueprint,
    zone: str | None,
    *,
    replicas: int,
    template: Object,
    revision: str,
    data_bytes: int | None = None,
    log_bytes: int | None = None,
) -> Object:
    """`template` and `revision` may be those of the spec or kept ones; `…_bytes` are the sizes of new
    volumes where they are not the spec's.
    """
    retention = blueprint.spec.storage.retention
    made: Object = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": blueprint.metadata(
            blueprint.names.stateful_set(zone),
            component="member",
            more_labels={labels.POOL: pool_label(zone)},
        ),
        "spec": {
            "replicas": replicas,
            "serviceName": blueprint.names.members_service,
            # All at once: an ensemble is founded by pods that see each other.
            "podManagementPolicy": "Parallel",
            # The operator chooses which pod is next, and asks the Eviction API.
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 3,
            "minReadySeconds": 0,
            "selector": {
                "matchLabels": {**selector(blueprint.name), labels.POOL: pool_label(zone)}
            },
            "template": for_pool(blueprint, template, revision, zone),
            "volumeClaimTemplates": claim_templates(blueprint, data_bytes, log_bytes),
            # When scaled the operator deletes volumes itself, once their members are out.
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": retention.when_deleted,
                "whenScaled": "Retain",
            },
        },
    }
    made["metadata"]["annotations"] = {labels.POOL_DIGEST: _digest_of_the_rest(made, blueprint)}
    return made


def _digest_of_the_rest(made: Object, blueprint: Blueprint) -> str:
    """Of what neither replicas nor the revision say, and can be changed in place."""
    spec = made["spec"]
    restore = blueprint.restore.model_dump(mode="json") if blueprint.restore else None
    placement = blueprint.spec.placement
    # What pins a pool to its zone is no part of the common template.
    pin = [placement.topology_key, placement.requires_zones] if placement.zones else None
    return digest(
        [made["metadata"]["labels"], spec["persistentVolumeClaimRetentionPolicy"], restore, pin]
    )
