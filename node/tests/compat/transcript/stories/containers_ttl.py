"""Containers and TTL nodes: how they are made, what they show, and that they go by themselves."""

from __future__ import annotations

from ..run import Run
from ..verbs import (
    CONTAINER,
    EPHEMERAL,
    PERSISTENT,
    SEQUENTIAL,
    SEQUENTIAL_TTL,
    TTL,
    container_op,
    create_op,
    ttl_op,
)

COLLECT_DEADLINE_S = 10.0
TTL_MS = 2_000
"""Long enough to be looked at before it is over, on a busy machine too."""

TTL_MAX_MS = 0xFF_FFFF_FFFF


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/kinds", b"")
    a.create_container("/kinds/c", b"data")
    a.get_data("/kinds/c")
    a.create_container("/kinds/c")
    for flags in (PERSISTENT, EPHEMERAL, SEQUENTIAL, TTL, SEQUENTIAL_TTL, 7, -1):
        a.create_container(f"/kinds/c-flags{flags}", flags=flags)
    a.create_ttl("/kinds/t", 3_600_000)
    a.get_data("/kinds/t")
    a.create_ttl("/kinds/t", 3_600_000)
    a.create_ttl("/kinds/ts-", 3_600_000, flags=SEQUENTIAL_TTL)
    for ttl_ms in (0, -1, -2, TTL_MAX_MS, TTL_MAX_MS + 1, 2**62, -(2**63)):
        a.create_ttl(f"/kinds/ttl{ttl_ms}", ttl_ms)
    for flags in (PERSISTENT, EPHEMERAL, SEQUENTIAL, CONTAINER, 7, -1):
        a.create_ttl(f"/kinds/t-flags{flags}", 3_600_000, flags=flags)
    # Not asked: createTTL of a mode without TTL and a ttl of -1. ZooKeeper lets it into its log,
    # dies of it, and again at each restart; ours refuses it (a test of the engine says so).
    a.multi(container_op("/kinds/mc"), ttl_op("/kinds/mt", 3_600_000), create_op("/kinds/mc/x"))
    a.multi(container_op("/kinds/mc2"), ttl_op("/kinds/mt2", 0))
    a.multi(ttl_op("/kinds/mt3", 3_600_000, flags=PERSISTENT))
    a.get_children2("/kinds")
    a.delete("/kinds/c")
    a.delete("/kinds/t")
    # A client may not do the collector's work.
    a.delete_container("/kinds/mt")
    a.delete_container("/kinds/none")
    a.delete_container("/kinds")
    a.exists("/kinds/mt")
    _collected(run)


def _collected(run: Run) -> None:
    """A container goes once its last child has gone; a TTL node once it was left alone so long."""
    b = run.client("b")
    b.create("/collected", b"")
    b.create_container("/collected/never-used")
    b.create_container("/collected/used")
    b.create("/collected/used/child", b"")
    b.exists("/collected/used", watch=True)
    b.delete("/collected/used/child")
    b.await_event(COLLECT_DEADLINE_S)
    b.exists("/collected/used")
    b.create_ttl("/collected/parent", TTL_MS)
    b.create("/collected/parent/child", b"")
    b.create_ttl("/collected/short", TTL_MS)
    b.exists("/collected/short", watch=True)
    b.await_event(COLLECT_DEADLINE_S)
    b.exists("/collected/short")
    b.exists("/collected/parent")
    b.exists("/collected/parent", watch=True)
    b.delete("/collected/parent/child")
    b.await_event(COLLECT_DEADLINE_S)
    b.get_children2("/collected")
