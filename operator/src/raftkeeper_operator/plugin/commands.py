"""What each command does. Waiting is bounded, and what was asked for is named by a token of its own."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from raftkeeper_operator.api.labels import API_VERSION, RESTART, TRANSFER_LEADER
from raftkeeper_operator.plugin import views
from raftkeeper_operator.plugin.resources_api import (
    BACKUPS,
    CLUSTERS,
    SCHEDULES,
    Object,
    Refused,
    ResourcesApi,
)

POLL_S = 1.0
TRANSFER = TRANSFER_LEADER.rpartition("/")[2]


class GaveUp(Exception):
    """What was waited for did not come in time."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What commands work with."""

    api: ResourcesApi
    console: Console
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    token: Callable[[], str] = field(default=lambda: secrets.token_hex(4))

    def wait(self, look: Callable[[], Any], timeout_s: float, what: str) -> Any:
        """What `look` gives as soon as it gives anything."""
        deadline = self.clock() + timeout_s
        while True:
            if found := look():
                return found
            if self.clock() >= deadline:
                raise GaveUp(f"{what} within {timeout_s:g} s; it may still happen")
            self.sleep(POLL_S)


def status(scene: Scene, name: str | None) -> None:
    """All clusters, or one in full."""
    if name is None:
        clusters = scene.api.list_all(CLUSTERS)
        if not clusters:
            scene.console.print(f"no clusters in namespace {scene.api.namespace}")
            return
        scene.console.print(views.show_clusters(clusters))
        return
    scene.console.print(views.show_status(scene.api.get(CLUSTERS, name), scene.now()))


def members(scene: Scene, name: str) -> None:
    """The membership."""
    scene.console.print(views.show_members(scene.api.get(CLUSTERS, name)))


def plan(scene: Scene, name: str, *, watch: bool, timeout_s: float) -> None:
    """The next step; with `watch` each one until nothing is left to do."""
    shown: list[str] = []

    def look() -> bool:
        found = views.read_status(scene.api.get(CLUSTERS, name)).plan
        key = found.model_dump_json() if found else ""
        if [key] != shown:
            shown[:] = [key]
            scene.console.print(views.show_plan(found, scene.now()))
        return not watch or (found is not None and not found.action and not found.blocked_by)

    scene.wait(look, timeout_s, "the cluster did not settle")


def transfer(scene: Scene, name: str, to: str | None, timeout_s: float) -> None:
    """Ask for another leader, once, and say what became of it."""
    cluster = scene.api.get(CLUSTERS, name)
    known = views.read_status(cluster).members
    if to is not None and to not in {key for m in known for key in (m.pod, str(m.id))}:
        names = ", ".join(f"{member.pod} ({member.id})" for member in known)
        raise Refused(f"{to} is no member of {name}; its members: {names or 'none yet'}")
    token = scene.token()
    scene.api.annotate(CLUSTERS, name, {TRANSFER_LEADER: f"{token}/{to}" if to else token})

    def look() -> str:
        found = views.read_status(scene.api.get(CLUSTERS, name)).requests
        return next((r.outcome for r in found if (r.name, r.token) == (TRANSFER, token)), "")

    scene.console.print(scene.wait(look, timeout_s, "the operator has not answered"))


def restart(scene: Scene, name: str) -> None:
    """Ask for a restart of all members, one by one."""
    scene.api.annotate(CLUSTERS, name, {RESTART: scene.token()})
    scene.console.print(
        f"the members of {name} are restarted one by one; see `kubectl raftkeeper plan {name} --watch`"
    )


def backup(
    scene: Scene, cluster: str, destination: Object, *, wait: bool, timeout_s: float
) -> None:
    """Make a RaftKeeperBackup, and wait for its end if asked to."""
    scene.api.get(CLUSTERS, cluster)
    made = scene.api.create(
        BACKUPS,
        {
            "apiVersion": API_VERSION,
            "kind": "RaftKeeperBackup",
            "metadata": {"name": f"{cluster}-{scene.now():%Y%m%d-%H%M%S}"},
            "spec": {"cluster": cluster, "destination": destination},
        },
    )
    name = str(made["metadata"]["name"])
    if not wait:
        scene.console.print(f"backup {name} is asked for; see `kubectl get rkb {name}`")
        return

    def look() -> Object | None:
        found: Object = scene.api.get(BACKUPS, name).get("status") or {}
        return found if found.get("phase") in {"Succeeded", "Failed"} else None

    found = scene.wait(look, timeout_s, f"backup {name} did not end")
    if found["phase"] == "Failed":
        raise Refused(f"backup {name} failed: {found.get('message', 'no reason was given')}")
    scene.console.print(
        f"backup {name}: {found.get('znodes')} znodes, {found.get('bytes')} bytes at "
        f"{found.get('location')}"
    )


def destination_of_schedule(scene: Scene, schedule: str) -> Object:
    """Where a schedule's backups go."""
    found: Object = scene.api.get(SCHEDULES, schedule)["spec"]["destination"]
    return found
