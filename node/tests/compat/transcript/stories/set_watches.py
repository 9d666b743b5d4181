"""SetWatches and setWatches2: what happened since is told at once, the rest is armed again."""

from __future__ import annotations

from ..run import Run

MISSING = "/sw/missing"


def story(run: Run) -> None:
    a = run.client("a")
    w = run.client("w")
    for path in ("/sw", "/sw/same", "/sw/changed", "/sw/gone", "/sw/parent"):
        a.create(path, b"")
    w.get_data("/sw/same")
    seen = w.last_zxid
    a.set_data("/sw/changed", b"1")
    a.delete("/sw/gone")
    a.create("/sw/new", b"")
    a.create("/sw/parent/child", b"")
    w.drop()

    again = run.reconnect("again", w)
    paths = ["/sw/same", "/sw/changed", "/sw/gone", "/sw/new", "/sw/parent", MISSING]
    for path in paths:
        again.ask("setWatches", zxid=seen, data=[path], exist=[], child=[])
    for path in paths:
        again.ask("setWatches", zxid=seen, data=[], exist=[path], child=[])
    for path in paths:
        again.ask("setWatches", zxid=seen, data=[], exist=[], child=[path])
    again.ask("setWatches", zxid=seen, data=[], exist=[], child=[])
    a.set_data("/sw/same", b"2")
    a.create(MISSING, b"")
    a.create("/sw/same/child", b"")
    again.ping()
    _version_two(run, seen, paths)
    _several_and_odd(run, seen)


def _version_two(run: Run, seen: int, paths: list[str]) -> None:
    a = run.client("a2")
    w = run.client("w2")
    for path in paths:
        w.set_watches2(seen, data=[path])
        w.set_watches2(seen, exist=[path])
        w.set_watches2(seen, child=[path])
    w.set_watches2(seen, persistent=["/sw/changed", "/sw/nowhere"])
    w.set_watches2(seen, recursive=["/sw/parent"])
    a.set_data("/sw/changed", b"3")
    a.create("/sw/nowhere", b"")
    a.create("/sw/parent/other", b"")
    a.delete("/sw/parent/other")
    w.ping()
    w.check_watches("/sw/changed", 4)
    w.check_watches("/sw/parent", 5)


def _several_and_odd(run: Run, seen: int) -> None:
    w = run.client("w3")
    w.set_watches2(
        seen,
        data=["/sw/changed", "/sw/gone"],
        exist=["/sw/new", "/sw/nowhere-yet"],
        child=["/sw/parent", "/sw/gone"],
        persistent=["/sw"],
        recursive=["/sw/parent"],
    )
    w.set_watches2(0, data=["/sw"], exist=["/sw"], child=["/sw"])
    w.set_watches2(2**62, data=["/sw/new"], exist=["/sw/none-either"], child=["/sw/new"])
    w.ask("setWatches", xid=17, zxid=seen, data=["/sw/changed"], exist=[], child=[])
    null = run.client("null")
    null.ask("setWatches", zxid=seen, data=None, exist=None, child=None)
    null.ping()
    bad = run.client("bad")
    bad.ask("setWatches", zxid=seen, data=["sw", "", "/sw/"], exist=["sw/"], child=["//"])
    bad.ping()
