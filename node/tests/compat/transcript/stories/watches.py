"""One-shot watches: what sets them, what fires them, once, and in which order with the replies."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, SEQUENTIAL, create_op, delete_op, set_data_op


def story(run: Run) -> None:
    w = run.client("w")
    a = run.client("a")
    a.create("/watch", b"")
    # A data watch: by getData and by exists; any change; one event however often it was set.
    w.get_data("/watch", watch=True)
    w.get_data("/watch", watch=True)
    w.exists("/watch", watch=True)
    a.set_data("/watch", b"1")
    w.ping()
    a.set_data("/watch", b"2")
    w.ping()
    # Failed writes and setACL fire nothing.
    w.get_data("/watch", watch=True)
    a.set_data("/watch", b"3", version=99)
    a.set_acl("/watch", [(31, "world", "anyone")])
    a.create("/watch/child", b"")
    w.ping()
    a.set_data("/watch", b"4")
    w.ping()
    _creation(run)
    _children(run)
    _deletion(run)
    _own_writes(run)
    _by_multi(run)
    _by_session_end(run)


def _creation(run: Run) -> None:
    """Exists on what is not there waits for it; getData on what is not there does not."""
    w, a = run.client("w1"), run.client("a1")
    w.exists("/watch/new", watch=True)
    w.get_data("/watch/other", watch=True)
    w.get_children("/watch/other", watch=True)
    a.create("/watch/other", b"")
    a.create("/watch/new", b"")
    w.ping()
    a.set_data("/watch/new", b"1")
    w.ping()
    w.exists("/watch/none/below", watch=True)
    w.exists("/watch/bad/", watch=True)
    w.exists("watch/bad", watch=True)
    w.ping()


def _children(run: Run) -> None:
    w, a = run.client("w2"), run.client("a2")
    w.get_children("/watch", watch=True)
    w.get_children2("/watch", watch=True)
    a.set_data("/watch", b"5")
    a.set_data("/watch/child", b"")
    a.create("/watch/child/grandchild", b"")
    w.ping()
    a.create("/watch/n", b"", flags=SEQUENTIAL)
    w.ping()
    w.get_children2("/watch", watch=True)
    a.delete("/watch/child/grandchild")
    w.ping()
    a.delete("/watch/child")
    w.ping()


def _deletion(run: Run) -> None:
    """One NodeDeleted for a session that holds both kinds of watch; then the parent's event."""
    w, a = run.client("w3"), run.client("a3")
    a.create("/watch/gone", b"")
    w.get_data("/watch/gone", watch=True)
    w.get_children("/watch/gone", watch=True)
    w.get_children("/watch", watch=True)
    a.delete("/watch/gone")
    w.ping()
    a.create("/watch/gone", b"")
    w.ping()
    w.get_children("/watch/gone", watch=True)
    a.delete("/watch/gone")
    w.ping()


def _own_writes(run: Run) -> None:
    """Of one's own write: the event comes before the reply that tells of it."""
    a = run.client("a4")
    a.exists("/watch/own", watch=True)
    a.get_children("/watch", watch=True)
    a.create("/watch/own", b"")
    a.get_data("/watch/own", watch=True)
    a.set_data("/watch/own", b"1")
    a.get_data("/watch/own", watch=True)
    a.get_children("/watch/own", watch=True)
    a.get_children("/watch", watch=True)
    a.delete("/watch/own")


def _by_multi(run: Run) -> None:
    """In the order of its operations, all at its zxid, none when it fails."""
    w, a = run.client("w5"), run.client("a5")
    a.create("/watch/m", b"")
    for path in ("/watch/m/a", "/watch/m/b", "/watch/m/c"):
        w.exists(path, watch=True)
    w.get_children("/watch/m", watch=True)
    w.get_data("/watch/m", watch=True)
    a.multi(create_op("/watch/m/a"), delete_op("/watch/none"))
    w.ping()
    a.multi(
        create_op("/watch/m/c"),
        create_op("/watch/m/a"),
        set_data_op("/watch/m", b"x"),
        create_op("/watch/m/b"),
        set_data_op("/watch/m/a", b"x"),
        delete_op("/watch/m/c"),
    )
    w.ping()
    a.exists("/watch/m/a", watch=True)
    a.multi(set_data_op("/watch/m/a", b"1"), set_data_op("/watch/m/a", b"2"))
    a.ping()


def _by_session_end(run: Run) -> None:
    w, a = run.client("w6"), run.client("a6")
    a.create("/watch/e1", b"", flags=EPHEMERAL)
    w.exists("/watch/e1", watch=True)
    w.get_children("/watch", watch=True)
    a.exists("/watch/e1", watch=True)
    a.close_session()
    w.ping()
    # Watches go with the connection, the session's data does not.
    w.exists("/watch/m", watch=True)
    w.drop()
    again = run.reconnect("again", w)
    again.set_data("/watch/m", b"y")
    again.ping()
