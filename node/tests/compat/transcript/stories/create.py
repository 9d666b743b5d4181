"""Create and create2: the modes, the bad modes, what exists already, what has no parent."""

from __future__ import annotations

from ..run import Run
from ..verbs import (
    CONTAINER,
    EPHEMERAL,
    EPHEMERAL_SEQUENTIAL,
    PERSISTENT,
    SEQUENTIAL,
    SEQUENTIAL_TTL,
    TTL,
)


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/create", b"root")
    a.get_data("/create")
    for flags in (PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL):
        a.create(f"/create/mode{flags}-", b"x", flags=flags)
        a.create2(f"/create/mode{flags}2-", b"x", flags=flags)
    # Flags of another opcode, and flags that are no mode at all.
    a.create("/create/container-by-create", b"x", flags=CONTAINER)
    a.create2("/create/container-by-create2", b"x", flags=CONTAINER)
    a.exists("/create/container-by-create")
    for flags in (TTL, SEQUENTIAL_TTL, 7, 8, 100, -1, 2**31 - 1, -(2**31)):
        a.create("/create/bad", b"x", flags=flags)
        a.create2("/create/bad", b"x", flags=flags)
    a.exists("/create/bad")
    # The order of checks: a bad mode before all, then the ACL, the parent, the node itself.
    a.create("/create/mode0-", b"again")
    a.create2("/create/mode0-", b"again")
    a.create("/create/no/parent", b"x")
    a.create("/create/no/parent", b"x", acl=[])
    a.create("/create/mode0-", b"x", acl=[])
    a.create("/create/mode1-/child", b"x")
    a.create("/create/mode1-", b"x")
    a.create("/create/mode1-/child", b"x", flags=SEQUENTIAL)
    a.create("/create/mode0-/child", b"x", flags=9)
    a.create("/", b"x")
    a.create2("/", b"x")
    # Failed writes left no trace, and took a zxid each: the next success is further on.
    a.get_data("/create")
    a.get_children2("/create")
    # Data: null and empty are two things.
    a.create("/create/null", None)
    a.get_data("/create/null")
    a.create("/create/empty", b"")
    a.get_data("/create/empty")
    a.create("/create/binary", bytes(range(48)))
    a.get_data("/create/binary")
    # Deep, wide and strange but valid names.
    a.create("/create/a", b"")
    a.create("/create/a/b", b"")
    a.create("/create/a/b/c", b"")
    a.create("/create/a/b/c/" + "n" * 300, b"long")
    a.get_data("/create/a/b/c/" + "n" * 300)
    a.create("/create/ with spaces ", b"")
    a.create("/create/ünïcödé-日本語", b"")
    a.create("/create/...", b"")
    a.create("/create/.hidden", b"")
    a.create("/create/a..b", b"")
    a.create("/create/\U0001f600", b"beyond the basic plane")
    a.get_children("/create")
