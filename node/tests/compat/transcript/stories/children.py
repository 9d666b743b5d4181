"""Children: lists, counts of all below, and the parent's counters as children come and go."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, Path


def story(run: Run) -> None:
    a = run.client("a")
    b = run.client("b")
    a.create("/children", b"p")
    a.get_children("/children")
    a.get_children2("/children")
    a.get_all_children_number("/children")
    for child in ("b", "a", "c"):
        a.create(f"/children/{child}", b"")
        a.get_children2("/children")
    a.create("/children/a/deep", b"")
    a.create("/children/a/deep/deeper", b"")
    b.create("/children/e", b"", flags=EPHEMERAL)
    a.get_children("/children")
    a.get_children("/children/a")
    a.get_children2("/children/a")
    a.get_children("/children/b")
    a.get_all_children_number("/children")
    a.get_all_children_number("/children/a")
    a.get_all_children_number("/children/a/deep/deeper")
    for path in ("/children/none", "/children/none/below"):
        a.get_children(path)
        a.get_children2(path)
        a.get_all_children_number(path)
    a.delete("/children/b")
    a.get_children2("/children")
    a.set_data("/children/c", b"x")
    a.exists("/children")
    a.get_all_children_number("/children")
    _ephemerals(run)


def _ephemerals(run: Run) -> None:
    """Of the asking session only, below a prefix that is text and not a path."""
    owner = run.client("owner")
    owner.get_ephemerals("/")
    owner.create("/children/e1", b"", flags=EPHEMERAL)
    owner.create("/children/e2", b"", flags=EPHEMERAL)
    owner.create("/children/c/e3", b"", flags=EPHEMERAL)
    prefixes: tuple[Path, ...] = ("/", "", None, "/children", "/children/", "/children/e")
    for prefix in (*prefixes, "/children/e1", "/children/c", "/other", "children", "/children//"):
        owner.get_ephemerals(prefix)
    run.client("other").get_ephemerals("/children")
    owner.delete("/children/e1")
    owner.get_ephemerals("/children")
    owner.close_session()
