"""Much of everything: long names, deep trees, long ACLs, many watches, many sessions."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, WATCH_MODE_PERSISTENT, Verbs, create_op, delete_op

NAME_CHARACTERS = (255, 256, 4_095, 65_535, 65_536, 300_000)
DEPTH = 400
ACL_ENTRIES = 300
WATCHES = 200
SESSIONS = 30


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/extremes", b"")
    for count in NAME_CHARACTERS:
        path = f"/extremes/{'n' * count}"
        a.create(path, b"long")
        a.get_data(path)
        a.exists(f"{path}n")
        a.create(f"{path}/child", b"")
        a.get_children2(path)
        a.delete(f"{path}/child")
        a.delete(path)
    _deep(a)
    _long_acl(a)
    _many_watches(run, a)
    _many_sessions(run, a)
    a.get_children2("/extremes")


def _deep(a: Verbs) -> None:
    paths = ["/extremes" + "/d" * depth for depth in range(1, DEPTH + 1)]
    a.multi(*(create_op(path) for path in paths))
    a.get_data(paths[-1])
    a.get_all_children_number("/extremes")
    a.delete(paths[0])
    a.multi(*(delete_op(path) for path in reversed(paths)))


def _long_acl(a: Verbs) -> None:
    acl = [(1, "digest", f"user{number}:hash{number}") for number in range(ACL_ENTRIES)]
    a.create("/extremes/acl", b"", acl=[*acl, (31, "world", "anyone")])
    a.get_acl("/extremes/acl")
    a.set_acl("/extremes/acl", [(31, "world", "anyone"), *reversed(acl)])
    a.get_acl("/extremes/acl")
    a.delete("/extremes/acl")


def _many_watches(run: Run, a: Verbs) -> None:
    """All of them on one connection, some twice; and all on one znode from many connections."""
    w = run.client("w")
    w.piped = True
    for number in range(WATCHES):
        w.exists(f"/extremes/w{number % (WATCHES // 2)}", watch=True)
    w.add_watch("/extremes", WATCH_MODE_PERSISTENT)
    w.piped = False
    w.settle()
    a.multi(*(create_op(f"/extremes/w{number}") for number in range(0, WATCHES, 20)))
    w.ping()
    a.multi(*(delete_op(f"/extremes/w{number}") for number in range(0, WATCHES // 2, 20)))
    w.ping()
    w.close_session()
    a.multi(*(delete_op(f"/extremes/w{number}") for number in range(WATCHES // 2, WATCHES, 20)))


def _many_sessions(run: Run, a: Verbs) -> None:
    clients = [run.client(f"s{number}") for number in range(SESSIONS)]
    for number, client in enumerate(clients):
        client.create(f"/extremes/e{number}", b"", flags=EPHEMERAL)
        client.get_children("/extremes", watch=True)
    for client in clients:
        client.ping()
    a.get_children2("/extremes")
    for client in clients:
        client.close_session()
