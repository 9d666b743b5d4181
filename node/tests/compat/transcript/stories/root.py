"""The root, first of all stories: on a server where nobody has been before, by both of its names."""

from __future__ import annotations

from ..run import Run


def story(run: Run) -> None:
    a = run.client("a")
    # The empty path names the root in reads, and nothing in writes.
    for path in ("/", ""):
        a.exists(path)
        a.get_data(path)
        a.get_acl(path)
        a.get_children(path)
        a.get_children2(path)
        a.get_all_children_number(path)
        a.sync(path)
    a.create("/root", b"")
    a.exists("/")
    a.get_children2("/")
    a.get_all_children_number("/")
    a.set_data("", b"x")
    a.set_data("/", b"the root has data too")
    a.get_data("/")
    a.set_data("/", b"")
    a.delete("/root")
    a.exists("/")
    a.delete("/")
    a.delete("")
    a.create("/", b"")
