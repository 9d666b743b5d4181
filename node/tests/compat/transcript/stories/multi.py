"""Multi: all or nothing; a failure of each kind at each place; what later operations see."""

from __future__ import annotations

from ..operations import SubRequest
from ..run import Run
from ..verbs import (
    EPHEMERAL,
    SEQUENTIAL,
    Verbs,
    check_op,
    container_op,
    create2_op,
    create_op,
    delete_op,
    get_children_op,
    get_data_op,
    set_data_op,
    ttl_op,
)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/multi", b"")
    a.create("/multi/node", b"v0")
    a.create("/multi/full", b"")
    a.create("/multi/full/child", b"")
    a.create("/multi/ephemeral", b"", flags=EPHEMERAL)
    a.create("/multi/guarded", b"")
    a.create("/multi/guarded/child", b"")
    a.set_acl("/multi/guarded", [(16, "world", "anyone")])
    a.multi()
    a.multi(
        create_op("/multi/a", b"1"),
        create2_op("/multi/b", b"2"),
        container_op("/multi/c"),
        ttl_op("/multi/t", 3_600_000),
        set_data_op("/multi/node", b"v1", version=0),
        check_op("/multi/node", version=1),
        delete_op("/multi/a"),
    )
    a.get_data("/multi/node")
    a.get_children2("/multi")
    _failures(a)
    _visibility(a)
    _not_allowed(run)


FAILURES: tuple[SubRequest, ...] = (
    create_op("/multi/node"),
    create2_op("/multi/node"),
    create_op("/multi/no/parent"),
    create_op("/multi/ephemeral/child"),
    create_op("/multi/guarded/new"),
    create_op("/multi/bad-acl", acl=[]),
    create_op("/multi/bad-mode", flags=9),
    create_op("/multi/bad-mode", flags=5),
    create_op("multi/bad-path"),
    container_op("/multi/node"),
    container_op("/multi/no/parent"),
    ttl_op("/multi/node", 1_000),
    ttl_op("/multi/bad-ttl", 0),
    ttl_op("/multi/bad-ttl", -1),
    delete_op("/multi/none"),
    delete_op("/multi/no/parent"),
    delete_op("/multi/node", version=9),
    delete_op("/multi/full"),
    delete_op("/multi/guarded/child"),
    delete_op("/zookeeper"),
    delete_op("/"),
    set_data_op("/multi/none", b""),
    set_data_op("/multi/node", b"", version=9),
    set_data_op("/multi/guarded", b""),
    check_op("/multi/none"),
    check_op("/multi/node", version=9),
    check_op("/multi/guarded"),
)


def _failures(a: Verbs) -> None:
    """Each failing operation alone, and in the middle of two that would succeed."""
    for failing in FAILURES:
        a.multi(failing)
        a.multi(create_op("/multi/never"), failing, delete_op("/multi/full/child"))
    a.multi(delete_op("/multi/none"), delete_op("/multi/none"), check_op("/multi/none"))
    a.multi(set_data_op("/multi/node", b"no"), set_data_op("/multi/node", b"no", version=1))
    a.exists("/multi/never")
    a.get_data("/multi/node")
    a.get_children2("/multi")
    a.get_children2("/multi/full")


def _visibility(a: Verbs) -> None:
    """Operation k sees what operations before k did, and nobody sees half of it."""
    a.multi(
        create_op("/multi/p"),
        create_op("/multi/p/q"),
        create_op("/multi/p/q/r", b"deep"),
        set_data_op("/multi/p", b"set"),
        check_op("/multi/p", version=1),
    )
    a.get_data("/multi/p")
    a.multi(delete_op("/multi/p"), delete_op("/multi/p/q/r"))
    a.multi(delete_op("/multi/p/q/r"), delete_op("/multi/p/q"), delete_op("/multi/p"))
    a.multi(create_op("/multi/twice"), create_op("/multi/twice"))
    a.multi(create_op("/multi/twice"), delete_op("/multi/twice"), create_op("/multi/twice", b"2"))
    a.get_data("/multi/twice")
    a.multi(delete_op("/multi/twice"), check_op("/multi/twice"))
    a.multi(delete_op("/multi/twice"), create_op("/multi/twice"), check_op("/multi/twice", 0))
    a.multi(create_op("/multi/e2", flags=EPHEMERAL), create_op("/multi/e2/child"))
    a.multi(create_op("/multi/s", flags=SEQUENTIAL), create_op("/multi/s", flags=SEQUENTIAL))
    a.multi(*(set_data_op("/multi/node", b"%d" % n) for n in range(10)))
    a.get_data("/multi/node")
    a.multi(check_op("/multi/node"), check_op("/multi/node", version=11))
    a.multi(check_op("/"), check_op("/multi"))
    a.multi(set_data_op("/multi/node", None), create_op("/multi/null", None))
    a.get_data("/multi/null")
    a.get_children2("/multi")


def _not_allowed(run: Run) -> None:
    """Operations that have no place in a write multi."""
    others: tuple[SubRequest, ...] = (
        get_data_op("/multi"),
        get_children_op("/multi"),
        ("exists", {"path": "/multi", "watch": False}),
        ("setACL", {"path": "/multi", "acl": [(31, "world", "anyone")], "version": -1}),
        ("sync", {"path": "/multi"}),
        ("deleteContainer", {"path": "/multi/c"}),
        ("ping", {}),
        ("closeSession", {}),
    )
    for number, operation in enumerate(others):
        client = run.client(f"n{number}")
        client.multi(operation)
        client.ping()
        mixed = run.client(f"m{number}")
        mixed.multi(create_op("/multi/never"), operation)
        mixed.exists("/multi/never")
