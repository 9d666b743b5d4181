"""What the spec asks for, as far as decisions need it: the observer makes it from the API's model.

Durations are milliseconds. Must not know Kubernetes' forms of quantities and durations.
"""

from dataclasses import dataclass
from enum import StrEnum


class WhenScaled(StrEnum):
    """What becomes of the volume of a member that was removed."""

    RETAIN = "Retain"
    """It stays, labelled, until a person deletes it."""
    DELETE = "Delete"
    QUARANTINE = "Quarantine"
    """It stays, labelled, for `quarantine_ttl_ms`, or until its name is needed again."""


class Strategy(StrEnum):
    """How a new template reaches the pods."""

    AUTO = "Auto"
    ON_DELETE = "OnDelete"
    """Pods take it when somebody deletes them."""
    PAUSED = "Paused"


class OnFailure(StrEnum):
    """What to do when a new template does not come up."""

    PAUSE = "Pause"
    ROLLBACK = "Rollback"


@dataclass(frozen=True, slots=True)
class ForceQuorum:
    """The acknowledged one-shot recovery from a lost majority."""

    epoch: int
    survivor: str
    """A pod, or '' for the one that knows most."""
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Desired:
    """The spec, with every default filled in."""

    replicas: int
    revision: str
    """The hash of the pod template that the spec leads to."""
    address_suffix: str = ""
    """What follows a pod's name in its peer address: `.<cluster>-members.<ns>.svc.<domain>:2888`."""
    version: str = ""
    zones: tuple[str, ...] = ()
    leader_zones: tuple[str, ...] = ()
    paused: bool = False
    hibernate: bool = False
    storage_bytes: int = 0
    """Of a member's data volume."""
    log_bytes: int = 0
    """Of its log's own volume; 0 when it has none."""
    when_scaled: WhenScaled = WhenScaled.QUARANTINE
    quarantine_ttl_ms: int = 168 * 3_600_000
    delete_volumes: bool = False
    """`whenDeleted: Delete`: the volumes go with the cluster."""
    strategy: Strategy = Strategy.AUTO
    on_failure: OnFailure = OnFailure.ROLLBACK
    min_healthy_ms: int = 15_000
    progress_deadline_ms: int = 600_000
    pod_disruption_budget: bool = True
    allow_single_node_drain: bool = True
    replace_after_ms: int | None = 30 * 60_000
    """How long a member's disk may be out of reach before it is given up; None for never."""
    restore: bool = False
    """The ensemble begins with a backup, so one pod alone founds it."""
    force_quorum: ForceQuorum | None = None
