"""CheckWatches and removeWatches: every kind on every kind, what is left, and NOWATCHER."""

from __future__ import annotations

from ..run import Run
from ..verbs import (
    ANY,
    CHILDREN,
    DATA,
    PERSISTENT_WATCH,
    RECURSIVE_WATCH,
    WATCH_MODE_PERSISTENT,
    WATCH_MODE_RECURSIVE,
    Verbs,
)

KINDS = (CHILDREN, DATA, ANY, PERSISTENT_WATCH, RECURSIVE_WATCH)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/wr", b"")
    for kind in (*KINDS, 0, 6, -1):
        a.check_watches("/wr", kind)
        a.remove_watches("/wr", kind)
    setters = {
        "data": lambda w: w.get_data("/wr", watch=True),
        "exist": lambda w: w.exists("/wr/none", watch=True),
        "child": lambda w: w.get_children("/wr", watch=True),
        "persistent": lambda w: w.add_watch("/wr", WATCH_MODE_PERSISTENT),
        "recursive": lambda w: w.add_watch("/wr", WATCH_MODE_RECURSIVE),
    }
    for name, watch in setters.items():
        path = "/wr/none" if name == "exist" else "/wr"
        w = run.client(name)
        watch(w)
        for kind in KINDS:
            w.check_watches(path, kind)
        a.check_watches(path, ANY)
        for kind in KINDS:
            watch(w)
            w.remove_watches(path, kind)
            w.check_watches(path, ANY)
        w.check_watches("/wr/elsewhere", ANY)
    _what_is_left(run, a)


def _what_is_left(run: Run, a: Verbs) -> None:
    """A removed watch is silent; the others fire."""
    w = run.client("w")
    w.get_data("/wr", watch=True)
    w.get_children("/wr", watch=True)
    w.add_watch("/wr", WATCH_MODE_PERSISTENT)
    w.remove_watches("/wr", DATA)
    a.set_data("/wr", b"1")
    w.ping()
    w.remove_watches("/wr", PERSISTENT_WATCH)
    a.set_data("/wr", b"2")
    a.create("/wr/child", b"")
    w.ping()
    both = run.client("both")
    both.get_data("/wr", watch=True)
    both.get_children("/wr", watch=True)
    both.remove_watches("/wr", ANY)
    a.set_data("/wr", b"3")
    a.delete("/wr/child")
    both.ping()
    both.remove_watches("/wr", ANY)
