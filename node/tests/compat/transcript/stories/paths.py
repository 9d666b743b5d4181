"""Bad paths of every kind, for every operation that takes one."""

from __future__ import annotations

from ..run import Run
from ..verbs import SEQUENTIAL, Path, Verbs, check_op, create_op, delete_op, set_data_op

BAD_PATHS: tuple[Path, ...] = (
    None,
    "",
    "paths",
    "paths/x",
    "/paths/",
    "//paths",
    "/paths//x",
    "//",
    "/paths/.",
    "/paths/..",
    "/paths/./x",
    "/paths/../x",
    "/.",
    "/..",
    "/paths/nul\0l",
    "/paths/\x01",
    "/paths/\x1f",
    "/paths/\x7f",
    "/paths/\x9f",
    "/paths/\ud800",
    "/paths/\ue000",
    "/paths/\uf8ff",
    "/paths/\ufff0",
    "/paths/\uffff",
    b"/paths/\xff\xfe",
    b"/paths/\xc3",
)

GOOD_EDGES: tuple[Path, ...] = (
    "/paths/\x20",
    "/paths/\xa0",
    "/paths/\ud7ff",
    "/paths/\uf900",
    "/paths/\uffef",
)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/paths", b"")
    for path in BAD_PATHS:
        a.create(path, b"x")
    for path in GOOD_EDGES:
        a.create(path, b"x")
        a.exists(path)
    for path in BAD_PATHS:
        a.delete(path)
    for path in BAD_PATHS:
        a.set_data(path, b"x")
    # In reads the empty path is the root, which is another story.
    for path in BAD_PATHS:
        if path != "":
            a.exists(path)
            a.get_data(path)
    _the_rest(a)
    a.get_children("/paths")


def _the_rest(a: Verbs) -> None:
    for path in (None, "", "paths", "/paths/", "//paths", "/paths/..", "/paths/nul\0l"):
        a.set_acl(path, [(31, "world", "anyone")])
        if path != "":
            a.get_acl(path)
            a.get_children(path)
            a.get_children2(path)
            a.get_all_children_number(path)
        a.get_ephemerals(path)
        a.sync(path)
        a.create_container(path)
        a.create_ttl(path, 60_000)
        a.create(path, b"x", flags=SEQUENTIAL)
    for path in ("", "paths", "/paths/", "/paths/.."):
        a.multi(create_op(path), create_op("/paths/never"))
        a.multi(create_op("/paths/never"), delete_op(path))
        a.multi(create_op("/paths/never"), set_data_op(path, b""))
        a.multi(create_op("/paths/never"), check_op(path))
        a.add_watch(path, 0)
        a.check_watches(path, 3)
        a.remove_watches(path, 3)
