"""One Kubernetes Event for each decision, so that `kubectl describe` tells the story. Never more.

The same sentence is not told twice within a while, and a cluster in trouble cannot fill the API with them.
Telling is a courtesy: when it fails nothing else does.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from raftkeeper_operator.api import labels
from raftkeeper_operator.clients.errors import Conflict, KubeError
from raftkeeper_operator.clients.kube import Kube
from raftkeeper_operator.decide.plan import Plan
from raftkeeper_operator.observe.fields import Object, name_of, part, uid_of

log = structlog.get_logger(__name__)

REPEAT_S = 600.0
"""The same sentence again after this long only."""
BURST = 25
"""Events of one cluster at once; creating one takes about twenty decisions."""
REFILL_S = 2.0
"""And one more for each of these."""
NOTE_CHARACTERS_MAX = 1024
"""The API's own bound."""
REMEMBERED_MAX = 256
"""Sentences of one cluster."""

QUIET = frozenset({"Settled", "Hibernated", "Paused"})
"""Reasons of plans that say that nothing happens."""
WARNINGS = frozenset(
    {
        "ActionRefused",
        "ForeignEnsemble",
        "NoQuorum",
        "OrderingRecovery",
        "QuorumLost",
        "Recovered",
        "Recovering",
        "RecoveryRefused",
        "RecoveryStuck",
        "RollingBack",
        "SpecInvalid",
        "StorageNotExpandable",
        "UpgradeStalled",
        "VersionSkew",
    }
)
"""Reasons that somebody should look at."""


@dataclass
class _Told:
    """Of one cluster."""

    at: dict[str, float] = field(default_factory=dict)
    tokens: float = BURST
    refilled: float = 0.0


class Events:
    """Tells, within bounds."""

    def __init__(
        self, kube: Kube, reporter: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kube = kube
        self._reporter = reporter
        self._clock = clock
        self._told: dict[str, _Told] = {}

    def forget(self, uid: str) -> None:
        self._told.pop(uid, None)

    async def tell(self, cluster: Object, plan: Plan, refusal: str = "") -> None:
        """Of a plan, and why its action was refused."""
        if plan.reason in QUIET:
            return
        warning = plan.reason in WARNINGS or bool(refusal)
        note = f"{plan.message}: {refusal}" if refusal else plan.message
        # What a wait says changes with every second that it lasts; its reason and target do not.
        about = f"{plan.reason}\0{plan.target}" + ("" if plan.action is None else f"\0{note}")
        if not self._may_tell(uid_of(cluster), about):
            return
        try:
            await self._kube.create(self._event(cluster, plan, note, warning=warning))
        except Conflict:
            return
        except KubeError as error:
            log.warning("event.not_told", cluster=name_of(cluster), error=str(error))

    def _may_tell(self, uid: str, about: str) -> bool:
        now = self._clock()
        told = self._told.setdefault(uid, _Told(refilled=now))
        told.tokens = min(BURST, told.tokens + (now - told.refilled) / REFILL_S)
        told.refilled = now
        if now - told.at.get(about, -REPEAT_S) < REPEAT_S or told.tokens < 1:
            return False
        if len(told.at) >= REMEMBERED_MAX:
            told.at.clear()
        told.at[about] = now
        told.tokens -= 1
        return True

    def _event(self, cluster: Object, plan: Plan, note: str, *, warning: bool) -> Object:
        now = datetime.now(UTC)
        seed = f"{uid_of(cluster)}{plan.reason}{note}{now.isoformat()}"
        suffix = hashlib.sha256(seed.encode()).hexdigest()[:16]
        namespace = str(part(cluster, "metadata", "namespace"))
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": f"{name_of(cluster)}.{suffix}"},
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": f"{labels.GROUP}/operator",
            "reportingInstance": self._reporter[:128],
            "action": plan.name,
            "reason": plan.reason,
            "note": note[:NOTE_CHARACTERS_MAX],
            "type": "Warning" if warning else "Normal",
            "regarding": {
                "apiVersion": labels.API_VERSION,
                "kind": "RaftKeeperCluster",
                "namespace": namespace,
                "name": name_of(cluster),
                "uid": uid_of(cluster),
            },
        }
