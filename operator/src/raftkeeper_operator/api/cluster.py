"""RaftKeeperCluster: the resource as a whole, and the rules that span its parts."""

from typing import Annotated, ClassVar

from pydantic import Field

from raftkeeper_operator.api.operations import (
    BootstrapSpec,
    DisruptionSpec,
    RecoverySpec,
    UpgradeSpec,
)
from raftkeeper_operator.api.part import Part, Rule
from raftkeeper_operator.api.placement import PlacementSpec
from raftkeeper_operator.api.security import AuthSpec, NetworkPolicySpec, TlsSpec
from raftkeeper_operator.api.serving import (
    ImageSpec,
    MonitoringSpec,
    PodTemplateSpec,
    ResourcesSpec,
    ServicesSpec,
)
from raftkeeper_operator.api.settings import KeeperSpec, LoggingSpec, RaftSpec
from raftkeeper_operator.api.status import ClusterStatus
from raftkeeper_operator.api.storage import StorageSpec

REPLICAS_MAX = 9
"""Every voter more makes each write slower; nine survive four failures."""

Version = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$")]


def _numbers(which: str, position: int) -> str:
    return f"int({which}.version.split('.')[{position}])"


class ClusterSpec(Part):
    """What the cluster should be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.replicas % 2 == 1",
            "must be odd: 1, 3, 5, 7 or 9. An even number survives no more failures than one less",
            ".replicas",
        ),
        Rule(
            "!(self.hibernate && oldSelf.hibernate) || self.replicas == oldSelf.replicas",
            "cannot be changed while the cluster hibernates: wake it first",
            ".replicas",
        ),
        Rule(
            "has(self.bootstrap.restore) == has(oldSelf.bootstrap.restore) && "
            "(!has(self.bootstrap.restore) || "
            "self.bootstrap.restore == oldSelf.bootstrap.restore)",
            "cannot be changed: a backup is restored when a cluster is made. "
            "To restore it now, make a new RaftKeeperCluster",
            ".bootstrap",
        ),
        Rule(
            "!has(self.version) || !has(oldSelf.version) || "
            f"({_numbers('self', 0)} == {_numbers('oldSelf', 0)} ? "
            f"{_numbers('self', 1)} - {_numbers('oldSelf', 1)} <= 1 && "
            f"{_numbers('oldSelf', 1)} - {_numbers('self', 1)} <= 1 : "
            f"{_numbers('self', 0)} - {_numbers('oldSelf', 0)} <= 1 && "
            f"{_numbers('oldSelf', 0)} - {_numbers('self', 0)} <= 1)",
            "versions change one minor at a time, as 1.2 to 1.3 to 1.4: members of neighbouring "
            "versions understand each other while the upgrade runs",
            ".version",
        ),
    )

    replicas: Annotated[int, Field(ge=1, le=REPLICAS_MAX)] = 3
    """Voting members: 1, 3, 5, 7 or 9. Three survive the loss of one, five of two."""
    version: Version | None = None
    """Version of RaftKeeper to run. Left out: the operator's own, so that upgrading the operator
    upgrades the cluster."""
    image: ImageSpec = ImageSpec()
    resources: ResourcesSpec = ResourcesSpec()
    storage: StorageSpec = StorageSpec()
    placement: PlacementSpec = PlacementSpec()
    raft: RaftSpec = RaftSpec()
    keeper: KeeperSpec = KeeperSpec()
    tls: TlsSpec = TlsSpec()
    auth: AuthSpec = AuthSpec()
    services: ServicesSpec = ServicesSpec()
    pod_template: PodTemplateSpec = PodTemplateSpec()
    upgrade: UpgradeSpec = UpgradeSpec()
    disruption: DisruptionSpec = DisruptionSpec()
    monitoring: MonitoringSpec = MonitoringSpec()
    logging: LoggingSpec = LoggingSpec()
    network_policy: NetworkPolicySpec = NetworkPolicySpec()
    hibernate: bool = False
    """Stop all members and keep their volumes. Set it back to wake them."""
    paused: bool = False
    """Let the operator watch and report only. Kubernetes is still told to keep volumes that are to be
    retained."""
    bootstrap: BootstrapSpec = BootstrapSpec()
    recovery: RecoverySpec = RecoverySpec()


class RaftKeeperCluster(Part):
    """An ensemble of RaftKeeper, a coordination service that speaks the ZooKeeper protocol."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && "
            "size(self.metadata.name) <= 40",
            "a cluster's name begins with a letter, has small letters, digits and dashes only, "
            "and at most 40 characters: it becomes a part of pods' and Services' names",
        ),
        Rule(
            "!self.metadata.name.endsWith('-members')",
            "a cluster's name cannot end in -members: that is the name of another Service",
        ),
        Rule(
            "self.spec.placement.zones.all(z, size(self.metadata.name) + size(z) <= 51)",
            "a zone's name and the cluster's together may have at most 51 characters: "
            "both become parts of pods' names",
            ".spec.placement.zones",
        ),
    )

    spec: ClusterSpec = ClusterSpec()
    status: ClusterStatus | None = None
