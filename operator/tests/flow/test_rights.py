"""What the operator's role allows, it uses: a cluster's life with all that a spec can ask for, and no more rights.

The flow's other tests have just these rights as well, so whatever one of them needs is granted; this one is
for the other direction.
"""

from tests.fake_api.objects import Object
from tests.fake_api.rights import Right, all_granted
from tests.flow.controllers import SPACE
from tests.flow.test_flow import World, world

__all__ = ["world"]

CLUSTERS, BACKUPS, SCHEDULES = (
    f"raftkeeper.io/raftkeeper{name}" for name in ("clusters", "backups", "backupschedules")
)
ELSEWHERE: dict[Right, str] = {
    (CLUSTERS, "list"): "the supervisor's look at all of them, and kopf",
    (CLUSTERS, "watch"): "kopf",
    (CLUSTERS, "patch"): "kopf, for the finalizer",
    (BACKUPS, "watch"): "kopf",
    (SCHEDULES, "watch"): "kopf",
    ("apps/statefulsets", "watch"): "app.wakeups",
    ("/pods", "watch"): "app.wakeups",
    ("/persistentvolumeclaims", "watch"): "app.wakeups",
    ("batch/jobs", "watch"): "app.wakeups",
    (f"{CLUSTERS}/finalizers", "update"): "admission, for owner references that block deletion",
    (f"{BACKUPS}/finalizers", "update"): "the same, for Jobs",
}
"""Rights that are not used by steps, and who uses them."""

EVERYTHING: Object = {
    "networkPolicy": {"enabled": True},
    "monitoring": {"serviceMonitor": True, "prometheusRule": True},
    "tls": {"client": {"mode": "Permissive", "issuerRef": {"name": "ours"}}},
    "storage": {"data": {"size": "1Gi"}, "retention": {"whenScaled": "Delete"}},
}
NOTHING: Object = {
    "networkPolicy": {"enabled": False},
    "monitoring": {},
    "tls": {},
    "disruption": {"podDisruptionBudget": False},
}


async def test_every_right_is_used(world: World) -> None:
    """Everything on, then off; more members, fewer; another zone; a bad image; backups; a restore."""
    api = world.api
    put_schedule(world)
    world.want(**EVERYTHING)
    await world.settle("")
    world.want(**NOTHING)
    await world.settle("")
    bind_volumes(world)
    fail_jobs(world)
    world.want(replicas=5)
    await world.settle("")
    fail_jobs(world)
    world.want(replicas=3)
    await world.settle("")
    fail_jobs(world)
    world.want(placement={"zones": ["zone-1", "zone-2", "zone-3"]})
    await world.settle("")
    image = next(iter(world.controllers.of("pods").values()))["spec"]["containers"][0]["image"]
    world.controllers.bad_images.add(image.replace("1.0.0", "1.0.9"))
    world.want(version="1.0.9")
    await world.settle("")
    # Late: by the clock of the world it is good from later on than by OpenSSL's.
    lose_certificate(world)
    await world._start("")((SPACE, "zoo"))
    await restore_another(world)
    used = api.used | set(ELSEWHERE)
    assert all_granted() - used == set(), "granted, and used by nobody"
    assert api.used & set(ELSEWHERE) == set(), "used by steps as well"


def put_schedule(world: World) -> None:
    """Each minute, and kept once: backups are made, and deleted."""
    world.api.put(
        {
            "apiVersion": "raftkeeper.io/v1",
            "kind": "RaftKeeperBackupSchedule",
            "metadata": {"namespace": SPACE, "name": "often"},
            "spec": {
                "cluster": "zoo",
                "schedule": "* * * * *",
                "destination": {"volume": {"claimName": "backups"}},
                "retention": {"keepLast": 1},
            },
        }
    )


def fail_jobs(world: World) -> None:
    """Of backups that fail one is kept, as the schedule says."""
    failed = {"type": "Failed", "status": "True", "message": "no such bucket"}
    for name, job in world.controllers.of("jobs").items():
        job["status"] = {"conditions": [failed]}
        world.api.objects.touch(("jobs", SPACE, name))


def lose_certificate(world: World) -> None:
    """It is made anew, in the Secret that is there."""
    key = ("secrets", SPACE, "zoo-tls")
    world.api.objects.get(key)["data"].pop("tls.crt")
    world.api.objects.touch(key)


def bind_volumes(world: World) -> None:
    """Claims have volumes, whose place is looked up."""
    for name, claim in world.controllers.of("persistentvolumeclaims").items():
        claim["spec"]["volumeName"] = f"pv-{name}"


async def restore_another(world: World) -> None:
    """A new cluster that begins with a backup looks that up."""
    spec = {"bootstrap": {"restore": {"backupName": "none"}}}
    meta = {"namespace": SPACE, "name": "zoo"}
    world.api.objects.by_key.pop(("raftkeeperclusters", SPACE, "zoo"))
    kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
    world.api.put({**kind, "metadata": meta, "spec": spec})
    await world._start("")((SPACE, "zoo"))
