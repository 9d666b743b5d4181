"""Delete: versions, children in the way, what is not there, and what nobody may delete."""

from __future__ import annotations

from ..run import Run


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/delete", b"")
    a.create("/delete/a", b"")
    a.create("/delete/a/b", b"")
    a.delete("/delete/a")
    a.delete("/delete/a", version=5)
    a.delete("/delete/a", version=0)
    a.exists("/delete/a")
    a.delete("/delete/a/none")
    a.delete("/delete/none/below")
    a.delete("/delete/a/b", version=1)
    a.delete("/delete/a/b", version=-2)
    a.delete("/delete/a/b", version=0)
    a.exists("/delete/a")
    a.delete("/delete/a/b")
    a.set_data("/delete/a", b"x")
    a.delete("/delete/a", version=0)
    a.delete("/delete/a", version=1)
    a.exists("/delete")
    # Made again it is another node: everything starts anew, except the parent's counters.
    a.create2("/delete/a", b"again")
    a.exists("/delete")
    a.delete("/delete/a")
    a.exists("/delete")
    a.get_children2("/delete")
    for path in ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"):
        a.delete(path)
        a.delete(path, version=7)
    a.delete("/zookeeper/none")
    a.delete("/delete")
    a.exists("/delete")
