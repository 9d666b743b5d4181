"""ACLs: valid and invalid lists of every scheme, and each permission asked for by each operation."""

from __future__ import annotations

from ..jute import Acl
from ..run import Run
from ..verbs import (
    EPHEMERAL,
    OPEN,
    PERSISTENT_WATCH,
    SEQUENTIAL,
    Verbs,
    check_op,
    create_op,
    delete_op,
    get_children_op,
    get_data_op,
    set_data_op,
)

READ, WRITE, CREATE, DELETE, ADMIN = 1, 2, 4, 8, 16
ALICE = "alice:WN6Xab8SQnsUjIJDGPDhJgjCBQE="
"""digest of alice:wonderland, in a form any digest id has; nobody here holds it."""

VALID: tuple[list[Acl], ...] = (
    [(31, "world", "anyone")],
    [(1, "world", "anyone")],
    [(0, "world", "anyone")],
    [(31, "digest", ALICE)],
    [(31, "ip", "10.0.0.1")],
    [(31, "ip", "10.0.0.0/8")],
    [(31, "ip", "10.1.2.3/0")],
    [(31, "ip", "::1")],
    [(31, "world", "anyone"), (31, "world", "anyone")],
    [(1, "world", "anyone"), (31, "digest", ALICE), (1, "world", "anyone")],
    [(63, "world", "anyone")],
    [(-1, "world", "anyone")],
)

INVALID: tuple[list[Acl] | None, ...] = (
    None,
    [],
    [(31, "world", "someone")],
    [(31, "world", "")],
    [(31, "world", None)],
    [(31, "digest", "")],
    [(31, "digest", "alice")],
    [(31, "digest", "a:b:c")],
    [(31, "digest", None)],
    [(31, "ip", "")],
    [(31, "ip", "10.0.0")],
    [(31, "ip", "10.0.0.256")],
    [(31, "ip", "10.0.0.0/33")],
    [(31, "ip", "10.0.0.0/-1")],
    [(31, "ip", "host")],
    [(31, "unknown", "x")],
    [(31, "", "x")],
    [(31, None, None)],
    [(31, "auth", "")],
    [(31, "sasl", "x")],
    [(31, "super", "x")],
    [(31, "super", "")],
    [(31, "x509", "CN=x")],
    [(31, "world", "anyone"), (31, "unknown", "x")],
)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/acl", b"")
    for number, acl in enumerate(VALID):
        a.create(f"/acl/valid{number}", b"", acl=acl)
        a.get_acl(f"/acl/valid{number}")
    for number, acl in enumerate(INVALID):
        a.create(f"/acl/invalid{number}", b"", acl=acl)
    a.create("/acl/changed", b"")
    for acl in INVALID[:4]:
        a.set_acl("/acl/changed", acl)
    a.multi(create_op("/acl/multi", acl=[]))
    _versions(a)
    _permissions(run)


def _versions(a: Verbs) -> None:
    a.set_acl("/acl/changed", OPEN)
    a.set_acl("/acl/changed", OPEN, version=1)
    a.set_acl("/acl/changed", OPEN, version=1)
    a.set_acl("/acl/changed", OPEN, version=-2)
    a.get_acl("/acl/changed")
    a.exists("/acl/changed")
    a.get_acl("/acl/none")
    a.set_acl("/acl/none", OPEN)
    a.set_acl("/acl/none", [])
    a.set_acl("/acl/changed", [(31, "world", "anyone"), (31, "digest", ALICE)])
    a.get_acl("/acl/changed")
    a.set_acl("/acl/changed", [(31 - ADMIN, "world", "anyone"), (31, "digest", ALICE)])
    a.get_acl("/acl/changed")
    a.set_acl("/acl/changed", OPEN)
    a.get_acl("/zookeeper")
    a.get_acl("/zookeeper/config")
    a.get_acl("/zookeeper/quota")


def _permissions(run: Run) -> None:
    """A node per permission that it lacks; each operation on each."""
    b = run.client("b")
    b.create("/perm", b"")
    lacking = {"READ": READ, "WRITE": WRITE, "CREATE": CREATE, "DELETE": DELETE, "ADMIN": ADMIN}
    for name, bit in lacking.items():
        path = f"/perm/no{name}"
        b.create(path, b"data")
        b.create(f"{path}/child", b"")
        b.set_acl(path, [(31 - bit, "world", "anyone")])
        b.get_data(path)
        b.exists(path)
        b.get_children(path)
        b.get_children2(path)
        b.get_all_children_number(path)
        b.get_acl(path)
        b.set_data(path, b"more")
        b.set_data(path, b"more", version=77)
        b.create(f"{path}/new", b"")
        b.create(f"{path}/child", b"")
        b.create(f"{path}/new-", b"", flags=SEQUENTIAL)
        b.create2(f"{path}/e", b"", flags=EPHEMERAL)
        b.create_container(f"{path}/container")
        b.create_ttl(f"{path}/ttl", 3_600_000)
        b.delete(f"{path}/child", version=77)
        b.delete(f"{path}/child")
        b.delete(f"{path}/none")
        b.sync(path)
        b.multi(check_op(path))
        b.multi(create_op(f"{path}/multi"))
        b.multi(set_data_op(path, b"multi"))
        b.multi(create_op(f"{path}/multi2"), delete_op(f"{path}/multi2"))
        b.multi_read(get_data_op(path), get_children_op(path))
        b.set_acl(path, [(31 - bit, "world", "anyone")], version=77)
        b.set_acl(path, [(31 - bit, "world", "anyone")])
    _watches_are_guarded(run, b)


def _watches_are_guarded(run: Run, b: Verbs) -> None:
    """A read that is refused sets no watch; an event goes to who may read the node."""
    c = run.client("c")
    b.create("/perm/guarded", b"", acl=[(31, "world", "anyone")])
    c.get_data("/perm/guarded", watch=True)
    c.exists("/perm/guarded", watch=True)
    c.get_children("/perm/guarded", watch=True)
    c.add_watch("/perm/guarded", 0)
    b.set_acl("/perm/guarded", [(31 - READ, "world", "anyone")])
    c.get_data("/perm/guarded", watch=True)
    c.check_watches("/perm/guarded", PERSISTENT_WATCH)
    b.set_data("/perm/guarded", b"secret")
    b.create("/perm/guarded/child", b"")
    c.ping()
    b.delete("/perm/guarded/child")
    b.delete("/perm/guarded")
    c.ping()
    b.create("/perm/guarded", b"", acl=[(31 - READ, "world", "anyone")])
    c.ping()
