"""Labels, annotations and finalizers that the operator writes or reads. Their names are an API."""

from typing import Final

GROUP: Final = "raftkeeper.io"
VERSION: Final = "v1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

APPLICATION: Final = "raftkeeper"
MANAGER: Final = "raftkeeper-operator"

# ---- labels -------------------------------------------------------------------------------------

NAME: Final = "app.kubernetes.io/name"
INSTANCE: Final = "app.kubernetes.io/instance"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
COMPONENT: Final = "app.kubernetes.io/component"

CLUSTER: Final = f"{GROUP}/cluster"
CLUSTER_UID: Final = f"{GROUP}/cluster-uid"
"""Who owns an object: a name may come again, a UID does not."""
POOL: Final = f"{GROUP}/pool"
"""The zone of a pod's StatefulSet; `default` where zones are not listed."""
MEMBER: Final = f"{GROUP}/member"
"""On pods: the member's id. On retired volumes: the id of the member that was there."""
ENSEMBLE: Final = f"{GROUP}/ensemble"
"""On volume claims: the cluster id of the ensemble whose member lives there."""
ROLE: Final = f"{GROUP}/role"
"""On pods: leader, follower or learner; for people."""
VOTER: Final = f"{GROUP}/voter"
"""On pods: `true` while the member votes. The disruption budget selects by it."""
RETIRED: Final = f"{GROUP}/retired"
"""On volume claims whose member was removed: `true`."""
SCHEDULE: Final = f"{GROUP}/schedule"
"""On backups: the RaftKeeperBackupSchedule that made them."""
BACKUP: Final = f"{GROUP}/backup"
"""On jobs: the RaftKeeperBackup that they carry out."""

# ---- annotations --------------------------------------------------------------------------------

REVISION: Final = f"{GROUP}/revision"
"""On pod templates and pods: hash of the template."""
POOL_DIGEST: Final = f"{GROUP}/pool-digest"
"""On StatefulSets: digest of what neither their replicas nor their revision say."""
RETIRED_AT: Final = f"{GROUP}/retired-at"
"""On retired volume claims: since when, in seconds since 1970."""
DELETE_AFTER: Final = f"{GROUP}/delete-after"
"""On retired volume claims: when they may go, in seconds since 1970; absent for never."""
RESTART: Final = f"{GROUP}/restart"
"""On a RaftKeeperCluster: any text. A new one restarts the members one by one."""
TRANSFER_LEADER: Final = f"{GROUP}/transfer-leader"
"""On a RaftKeeperCluster: `<token>` or `<token>/<pod or member id>`. A new token hands leadership
over, once; the outcome is in status.requests."""

FINALIZER: Final = f"{GROUP}/finalizer"
FIELD_MANAGER: Final = MANAGER
