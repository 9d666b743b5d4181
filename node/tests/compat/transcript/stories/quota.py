"""Quotas: limits that only warn, and statistics that follow every change below them."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, SEQUENTIAL, Verbs, create_op, delete_op, set_data_op
from .chance import Walk

ROOT = "/quota"
LIMITS = f"/zookeeper/quota{ROOT}/zookeeper_limits"
STATS = f"/zookeeper/quota{ROOT}/zookeeper_stats"

WALK_SEED = 2
WALK_STEPS = 60


def story(run: Run) -> None:
    a = run.client("a")
    a.create(ROOT, b"12345")
    a.create(f"{ROOT}/before", b"12345")
    a.create(f"/zookeeper/quota{ROOT}", None)
    a.create(LIMITS, b"count=3,bytes=20")
    a.create(STATS, b"count=0,bytes=0")
    _look(a)
    a.create(f"{ROOT}/a", b"123")
    _look(a)
    a.create(f"{ROOT}/a/b", b"1")
    a.create(f"{ROOT}/a/b/c", None)
    _look(a)
    a.set_data(f"{ROOT}/a", b"1234567890")
    _look(a)
    a.set_data(f"{ROOT}/a", None)
    a.set_data(ROOT, b"")
    _look(a)
    a.create(f"{ROOT}/s-", b"s", flags=SEQUENTIAL)
    a.create("/quotas-neighbour", b"not below it")
    _look(a)
    a.multi(
        create_op(f"{ROOT}/m", b"m"), set_data_op(f"{ROOT}/m", b"mm"), delete_op(f"{ROOT}/a/b/c")
    )
    _look(a)
    a.multi(create_op(f"{ROOT}/n", b"n"), delete_op(f"{ROOT}/none"))
    a.create(f"{ROOT}/a", b"again")
    a.delete(ROOT)
    _look(a)
    leaver = run.client("leaver")
    leaver.create(f"{ROOT}/e", b"ephemeral", flags=EPHEMERAL)
    _look(a)
    leaver.close_session()
    _look(a)
    walk = Walk(run, WALK_SEED, below=ROOT)
    for _ in range(5):
        walk.go(WALK_STEPS // 5)
        _look(a)
    _limits(a)


def _limits(a: Verbs) -> None:
    """Texts of limits, good and bad, and the end of a quota."""
    for limits in (b"count=-1,bytes=-1", b"", None, b"nonsense", b"count=x,bytes=y", b"count=1"):
        a.set_data(LIMITS, limits)
        a.create(f"{ROOT}/l-", b"", flags=SEQUENTIAL)
    _look(a)
    a.set_data(STATS, b"count=1000,bytes=1000")
    a.create(f"{ROOT}/t", b"t")
    _look(a)
    a.delete(LIMITS)
    a.create(f"{ROOT}/u", b"u")
    _look(a)
    a.create(LIMITS, b"count=5,bytes=5")
    a.create(f"{ROOT}/v", b"v")
    _look(a)
    a.delete(LIMITS)
    a.delete(STATS)
    a.create(f"{ROOT}/w", b"w")
    a.exists(STATS)


def _look(a: Verbs) -> None:
    a.get_data(STATS)
