"""Persistent and recursive watches: they stay; which events of which nodes; beside one-shot ones."""

from __future__ import annotations

from ..run import Run
from ..verbs import (
    WATCH_MODE_PERSISTENT,
    WATCH_MODE_RECURSIVE,
    create_op,
    delete_op,
    set_data_op,
)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/pw", b"")
    _persistent(run)
    _recursive(run)
    _together(run)
    w = run.client("w")
    for mode in (2, -1, 100):
        w.add_watch("/pw", mode)
    for path in ("", None, "pw", "/pw/", "//"):
        other = run.client(f"path {path!r}")
        other.add_watch(path, WATCH_MODE_PERSISTENT)
        other.add_watch(path, WATCH_MODE_RECURSIVE)
        other.ping()


def _persistent(run: Run) -> None:
    w, a = run.client("w1"), run.client("a1")
    w.add_watch("/pw/p", WATCH_MODE_PERSISTENT)
    w.add_watch("/pw/p", WATCH_MODE_PERSISTENT)
    a.create("/pw/p", b"")
    a.set_data("/pw/p", b"1")
    a.set_data("/pw/p", b"2")
    a.create("/pw/p/child", b"")
    a.set_data("/pw/p/child", b"")
    a.create("/pw/p/child/deep", b"")
    w.ping()
    a.delete("/pw/p/child/deep")
    a.delete("/pw/p/child")
    a.delete("/pw/p")
    w.ping()
    a.create("/pw/p", b"again")
    a.set_acl("/pw/p", [(31, "world", "anyone")])
    w.ping()


def _recursive(run: Run) -> None:
    w, a = run.client("w2"), run.client("a2")
    w.add_watch("/pw/r", WATCH_MODE_RECURSIVE)
    a.create("/pw/r", b"")
    a.create("/pw/r/a", b"")
    a.create("/pw/r/a/b", b"")
    a.set_data("/pw/r/a/b", b"x")
    a.create("/pw/rest", b"")
    w.ping()
    a.multi(
        create_op("/pw/r/m"),
        set_data_op("/pw/r/m", b"x"),
        set_data_op("/pw/r", b"x"),
        delete_op("/pw/r/m"),
    )
    w.ping()
    a.delete("/pw/r/a/b")
    a.delete("/pw/r/a")
    a.delete("/pw/r")
    w.ping()
    root = run.client("root")
    root.add_watch("/", WATCH_MODE_RECURSIVE)
    a.create("/pw/anywhere", b"")
    root.ping()


def _together(run: Run) -> None:
    """A session with several kinds of watch on one node gets one event of a change."""
    w, a = run.client("w3"), run.client("a3")
    a.create("/pw/t", b"")
    w.get_data("/pw/t", watch=True)
    w.get_children("/pw/t", watch=True)
    w.add_watch("/pw/t", WATCH_MODE_PERSISTENT)
    w.add_watch("/pw", WATCH_MODE_RECURSIVE)
    a.set_data("/pw/t", b"1")
    w.ping()
    a.set_data("/pw/t", b"2")
    w.ping()
    a.create("/pw/t/c", b"")
    w.ping()
    a.delete("/pw/t/c")
    w.ping()
    # A later mode takes the place of the earlier one.
    w.add_watch("/pw/t", WATCH_MODE_RECURSIVE)
    a.create("/pw/t/c", b"")
    w.ping()
    w.add_watch("/pw/t", WATCH_MODE_PERSISTENT)
    a.delete("/pw/t/c")
    w.ping()
    a.delete("/pw/t")
    w.ping()
    own = run.client("own")
    own.add_watch("/pw/own", WATCH_MODE_PERSISTENT)
    own.create("/pw/own", b"")
    own.set_data("/pw/own", b"1")
    own.create("/pw/own/child", b"")
    own.multi(set_data_op("/pw/own", b"2"), set_data_op("/pw/own", b"3"))
    own.delete("/pw/own/child")
    own.delete("/pw/own")
