"""Pipelines: several requests in flight on one connection keep their order, reads behind writes."""

from __future__ import annotations

from ..run import Run
from ..verbs import OPEN, Verbs


def story(run: Run) -> None:
    a = run.client("a")
    _create(a, "/order", b"0")
    _get(a, "/order")
    _set(a, "/order", b"1")
    _get(a, "/order")
    _set(a, "/order", b"2", version=0)
    _get(a, "/order")
    a.send("delete", path="/order", version=-1)
    _get(a, "/order")
    _create(a, "/order", b"anew")
    _get(a, "/order")
    a.settle()
    # A watch set between two writes sees the second and not the first.
    _set(a, "/order", b"w1")
    _get(a, "/order", watch=True)
    _set(a, "/order", b"w2")
    _set(a, "/order", b"w3")
    _get(a, "/order")
    a.settle()
    # Operations that touch no tree keep their place too.
    _set(a, "/order", b"p1")
    a.send("whoAmI")
    a.send("sync", path="/order")
    a.send("addWatch", path="/order", mode=0)
    _set(a, "/order", b"p2")
    a.send("checkWatches", path="/order", type=4)
    a.send("removeWatches", path="/order", type=4)
    _set(a, "/order", b"p3")
    a.send("exists", path="/order", watch=False)
    a.settle()
    b = run.client("b")
    for number in range(20):
        _create(b, f"/order/n{number}", b"")
        b.send("getChildren", path="/order", watch=number % 5 == 0)
    b.settle()
    # A failing write in the middle stops nobody.
    _create(b, "/order/n0", b"")
    _create(b, "/order/last", b"")
    b.send("setACL", path="/order/last", acl=[], version=-1)
    b.send("getACL", path="/order/last")
    b.send("getEphemerals", prefix="/")
    b.send("getAllChildrenNumber", path="/order")
    b.settle()
    # The close is the last that is answered.
    c = run.client("c")
    _set(c, "/order", b"before the end")
    c.send("closeSession")
    c.settle()
    c.await_hang_up()
    a.get_data("/order")


def _create(client: Verbs, path: str, data: bytes) -> None:
    client.send("create", path=path, data=data, acl=OPEN, flags=0)


def _get(client: Verbs, path: str, *, watch: bool = False) -> None:
    client.send("getData", path=path, watch=watch)


def _set(client: Verbs, path: str, data: bytes, version: int = -1) -> None:
    client.send("setData", path=path, data=data, version=version)
