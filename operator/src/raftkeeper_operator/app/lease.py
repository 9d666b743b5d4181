"""Leader election among replicas of the operator: one Lease, renewed from a thread of its own.

Who loses the Lease ends the process at once: a step that is under way must not go on beside another
operator's. (If it did, compare-and-swap on memberships and preconditions on objects would still hold.)
The thread asks nothing of the event loop, so a loop that hangs does not take the Lease with it.

Clocks of different machines are not compared: another's Lease has run out when *this* process has seen
no change of it for its duration.
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import structlog

from raftkeeper_operator.clients.errors import Conflict, KubeError, NotFound
from raftkeeper_operator.clients.kube_access import Call, KubeAccess
from raftkeeper_operator.clients.resources import LEASES

log = structlog.get_logger(__name__)

DURATION_S = 15.0
"""After this long without a renewal another replica takes over."""
GIVE_UP_S = 8.0
"""Without a successful renewal for this long the process ends. With the longest try on top (a wait and
two calls that time out) it is still before another may take over."""
RETRY_S = 2.0
"""Between two renewals, and between two looks at another's Lease."""
CALL_DEADLINE_S = 2.0
EXIT_LOST = 75
"""Of a process that lost the Lease: try again (EX_TEMPFAIL)."""


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Which Lease, and who wants it."""

    namespace: str
    name: str
    identity: str


class _Outcome(Enum):
    HELD = auto()
    TAKEN = auto()
    """Another holds it."""
    UNKNOWN = auto()
    """No answer, or a race for it was lost."""


class Lease:
    """`acquire` waits until it is ours; from then on a thread renews it until `release`."""

    def __init__(
        self,
        access: KubeAccess,
        wanted: LeaseName,
        *,
        lost: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._wanted = wanted
        self._lost = lost if lost is not None else _exit
        self._clock = clock
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen: tuple[str, float] = ("", clock())
        self._renewed_at = 0.0

    @property
    def held(self) -> bool:
        renewing = self._thread is not None and self._thread.is_alive()
        return renewing and not self._stop.is_set()

    def acquire(self, given_up: threading.Event) -> bool:
        """Blocks until the Lease is ours (True), or until `given_up` is set (False)."""
        log.info("lease.waiting", lease=self._wanted.name, identity=self._wanted.identity)
        while not given_up.is_set():
            if self._try() is _Outcome.HELD:
                log.info("lease.acquired", lease=self._wanted.name)
                self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
                self._thread.start()
                return True
            given_up.wait(RETRY_S)
        return False

    def release(self) -> None:
        """Another replica need not wait for it to run out."""
        if self._thread is None:
            return
        self._stop.set()
        self._thread.join(CALL_DEADLINE_S + RETRY_S)
        try:
            lease = self._access.request(Call("GET", self._path()), CALL_DEADLINE_S)
            if lease["spec"].get("holderIdentity") == self._wanted.identity:
                lease["spec"]["holderIdentity"] = ""
                self._access.request(Call("PUT", self._path(), (), lease), CALL_DEADLINE_S)
            log.info("lease.released", lease=self._wanted.name)
        except KubeError as error:
            # Nothing is lost: it runs out by itself.
            log.info("lease.not_released", lease=self._wanted.name, error=str(error))

    def _renew(self) -> None:
        """The thread. Whatever ends it but `release`, the Lease counts as lost: nobody renews it any more."""
        try:
            self._renew_until_lost()
        except Exception:
            log.exception("lease.thread_failed", lease=self._wanted.name)
        if not self._stop.is_set():
            self._lost()

    def _renew_until_lost(self) -> None:
        while not self._stop.wait(RETRY_S):
            outcome = self._try()
            late = self._clock() - self._renewed_at > GIVE_UP_S
            if outcome is _Outcome.TAKEN or (outcome is _Outcome.UNKNOWN and late):
                return

    def _try(self) -> _Outcome:
        """Takes or renews the Lease if that is allowed now."""
        started = self._clock()
        try:
            outcome = _Outcome.HELD if self._take() else _Outcome.TAKEN
        except Conflict:
            return _Outcome.UNKNOWN
        except KubeError as error:
            log.warning("lease.unreachable", lease=self._wanted.name, error=str(error))
            return _Outcome.UNKNOWN
        if outcome is _Outcome.HELD:
            # From before the request: what another sees is never older than what we count from.
            self._renewed_at = started
        return outcome

    def _take(self) -> bool:
        try:
            lease = self._access.request(Call("GET", self._path()), CALL_DEADLINE_S)
        except NotFound:
            self._access.request(
                Call("POST", LEASES.path(self._wanted.namespace), (), self._fresh()),
                CALL_DEADLINE_S,
            )
            return True
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity") or ""
        if holder != self._wanted.identity:
            if holder and not self._ran_out(lease):
                return False
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
            spec["acquireTime"] = _now()
        spec["holderIdentity"] = self._wanted.identity
        spec["leaseDurationSeconds"] = round(DURATION_S)
        spec["renewTime"] = _now()
        # With its resourceVersion: of two replicas that see it run out one is refused.
        self._access.request(Call("PUT", self._path(), (), lease), CALL_DEADLINE_S)
        return True

    def _ran_out(self, lease: dict[str, Any]) -> bool:
        """By this process's own clock."""
        version, now = str(lease["metadata"].get("resourceVersion", "")), self._clock()
        if version != self._seen[0]:
            self._seen = (version, now)
        duration = float(lease["spec"].get("leaseDurationSeconds") or DURATION_S)
        return now - self._seen[1] > duration

    def _fresh(self) -> dict[str, Any]:
        now = _now()
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._wanted.name, "namespace": self._wanted.namespace},
            "spec": {
                "holderIdentity": self._wanted.identity,
                "leaseDurationSeconds": round(DURATION_S),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }

    def _path(self) -> str:
        return LEASES.path(self._wanted.namespace, self._wanted.name)


def _now() -> str:
    """As the API writes a MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _exit() -> None:
    log.critical("lease.lost", next="the process ends; another replica takes over")
    os._exit(EXIT_LOST)
