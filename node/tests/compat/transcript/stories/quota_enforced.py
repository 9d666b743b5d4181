"""Hard limits of quotas: what is refused, in which order of checks, and what is not measured."""

from __future__ import annotations

from ..client import OPEN
from ..run import Run
from ..verbs import EPHEMERAL, PERSISTENT, SEQUENTIAL, Verbs, create_op, set_data_op

ROOT = "/hard"
QUOTA = f"/zookeeper/quota{ROOT}"
LIMITS = f"{QUOTA}/zookeeper_limits"
STATS = f"{QUOTA}/zookeeper_stats"

READ, ADMIN = 1, 16


def story(run: Run) -> None:
    a = run.client("a")
    a.create(ROOT, b"12345")
    a.create(QUOTA, None)
    _limit(a, "", create=True)
    a.create(STATS, b"count=0,bytes=0")
    _count(a)
    _bytes(a)
    _both(a)
    _order_of_checks(run, a)
    _nearest(a)
    _ephemerals(run, a)
    _limit(a, "")
    a.create(f"{ROOT}/no-limit", b"0123456789" * 10)
    _within_a_multi(a)


def _count(a: Verbs) -> None:
    """A limit of znodes, the root of the quota counted."""
    _limit(a, "countHardLimit=3")
    a.create(f"{ROOT}/a", b"a")
    a.create(f"{ROOT}/a/b", b"b")
    a.create(f"{ROOT}/c", b"c")
    a.create(f"{ROOT}/s-", b"s", flags=SEQUENTIAL)
    a.create2(f"{ROOT}/c2", b"c")
    a.create_container(f"{ROOT}/container", b"c")
    a.create_ttl(f"{ROOT}/ttl", 60_000)
    a.set_data(f"{ROOT}/a", b"as long as it likes")
    _look(a)
    a.multi(create_op(f"{ROOT}/m", b"m"))
    a.delete(f"{ROOT}/a/b")
    a.multi(create_op(f"{ROOT}/m", b"m"), set_data_op(f"{ROOT}/m", b"mm"))
    _look(a)
    a.create(f"{ROOT}/c", b"c")
    _limit(a, "countHardLimit=0")
    a.set_data(f"{ROOT}/a", b"a")
    a.delete(f"{ROOT}/m")
    a.create(f"{ROOT}/c", b"c")
    _look(a)


def _bytes(a: Verbs) -> None:
    """A limit of bytes; what does not change them is not measured against it."""
    _limit(a, "byteHardLimit=16")
    _look(a)
    a.create(f"{ROOT}/b", b"1234567890")
    a.create(f"{ROOT}/b1", b"1")
    a.create(f"{ROOT}/b1", b"")
    a.create(f"{ROOT}/b2", None)
    a.set_data(f"{ROOT}/b", b"12345678901")
    a.set_data(f"{ROOT}/b", b"0987654321")
    a.set_data(f"{ROOT}/b", b"098765432")
    a.set_data(f"{ROOT}/b2", b"1")
    a.set_data(f"{ROOT}/b2", b"12")
    a.multi(set_data_op(f"{ROOT}/b2", b"12"))
    _look(a)
    _limit(a, "byteHardLimit=5")
    a.set_data(f"{ROOT}/b", b"12345678")
    a.set_data(f"{ROOT}/b", None)
    a.set_data(ROOT, b"1234567")
    _look(a)
    for name in ("b", "b1", "b2"):
        a.delete(f"{ROOT}/{name}")


def _both(a: Verbs) -> None:
    """Both limits; the soft ones beside them say nothing; an empty one cannot be read."""
    _look(a)
    _limit(a, "byteHardLimit=1000;countHardLimit=4", soft="count=1,bytes=1")
    a.create(f"{ROOT}/1", b"1")
    a.create(f"{ROOT}/2", b"2")
    a.create(f"{ROOT}/3", b"3")
    _limit(a, "byteHardLimit=-1;countHardLimit=-1", soft="count=1,bytes=1")
    a.create(f"{ROOT}/3", b"3")
    _limit(a, "byteHardLimit=;countHardLimit=1", soft="count=-1,bytes=-1=")
    a.create(f"{ROOT}/4", b"3")
    for name in ("1", "2", "3"):
        a.delete(f"{ROOT}/{name}")


def _order_of_checks(run: Run, a: Verbs) -> None:
    """Behind all of create's checks, and before the version of setData."""
    _limit(a, "byteHardLimit=1;countHardLimit=1")
    a.create(f"{ROOT}/a", b"it is there")
    a.create(f"{ROOT}/none/x", b"no parent")
    a.create(f"{ROOT}/bad//x", b"bad path")
    a.create(f"{ROOT}/x", b"no acl", acl=[])
    a.set_data(f"{ROOT}/a", b"more than one byte", 77)
    a.set_data(f"{ROOT}/none", b"more than one byte")
    b = run.client("b")
    a.set_acl(ROOT, [(READ | ADMIN, "world", "anyone")])
    b.create(f"{ROOT}/x", b"may not")
    b.set_data(ROOT, b"may not, and too long")
    a.set_acl(ROOT, OPEN)
    a.delete(f"{ROOT}/a")
    b.close_session()


def _nearest(a: Verbs) -> None:
    """Of two quotas one below the other the nearer one counts."""
    outer, inner = "/hard-outer", "/hard-outer/inner"
    for path, limit in ((outer, 2), (inner, 3)):
        a.create(path, b"")
        a.create(f"/zookeeper/quota{path}", b"")
        a.create(f"/zookeeper/quota{path}/zookeeper_limits", _text(f"countHardLimit={limit}"))
        a.create(f"/zookeeper/quota{path}/zookeeper_stats", b"")
    for path in (f"{inner}/1", f"{inner}/2", f"{inner}/3", f"{outer}/1", f"{outer}-beside"):
        a.create(path, b"")
    for path in (outer, inner):
        a.get_data(f"/zookeeper/quota{path}/zookeeper_stats")
    a.delete(f"/zookeeper/quota{inner}/zookeeper_stats")
    a.create(f"{inner}/unmeasured", b"")
    a.delete(f"/zookeeper/quota{inner}/zookeeper_limits")
    a.create(f"{inner}/of-the-outer", b"")


def _ephemerals(run: Run, a: Verbs) -> None:
    """They count, and make room when their session ends."""
    root = "/hard-ephemerals"
    a.create(root, b"")
    a.create(f"/zookeeper/quota{root}", b"")
    a.create(f"/zookeeper/quota{root}/zookeeper_limits", _text("countHardLimit=2"))
    a.create(f"/zookeeper/quota{root}/zookeeper_stats", b"")
    leaver = run.client("leaver")
    leaver.create(f"{root}/e", b"", flags=EPHEMERAL)
    a.create(f"{root}/p", b"", flags=PERSISTENT)
    leaver.close_session()
    a.create(f"{root}/p", b"", flags=PERSISTENT)


def _within_a_multi(a: Verbs) -> None:
    """Two creates as one where there is room for one: a later part stands on the earlier ones."""
    root = "/hard-multi"
    a.create(root, b"")
    a.create(f"/zookeeper/quota{root}", b"")
    a.create(f"/zookeeper/quota{root}/zookeeper_limits", _text("countHardLimit=2"))
    a.create(f"/zookeeper/quota{root}/zookeeper_stats", b"")
    a.multi(create_op(f"{root}/1", b""), create_op(f"{root}/2", b""))
    a.get_children(root)


def _limit(a: Verbs, hard: str, *, soft: str = "count=-1,bytes=-1", create: bool = False) -> None:
    text = _text(hard, soft)
    if create:
        a.create(LIMITS, text)
    else:
        a.set_data(LIMITS, text)


def _text(hard: str, soft: str = "count=-1,bytes=-1") -> bytes:
    """As ZooKeeper's setquota writes it: the lone `=` ends the numbers of older readers."""
    return (f"{soft}=;{hard}" if hard else soft).encode()


def _look(a: Verbs) -> None:
    a.get_data(STATS)
