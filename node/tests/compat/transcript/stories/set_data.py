"""SetData: versions, right, wrong and any; values; what it moves in the Stat and what it leaves."""

from __future__ import annotations

from ..run import Run


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/set", b"0")
    a.create("/set/child", b"")
    a.set_data("/set", b"1")
    a.set_data("/set", b"2", version=1)
    a.set_data("/set", b"no", version=1)
    a.set_data("/set", b"no", version=3)
    a.set_data("/set", b"no", version=-2)
    a.set_data("/set", b"no", version=2**31 - 1)
    a.set_data("/set", b"3", version=2)
    a.set_data("/set", b"4", version=-1)
    a.get_data("/set")
    a.set_data("/set/none", b"x")
    a.set_data("/set/none", b"x", version=5)
    a.set_data("/set/none/below", b"x")
    a.set_data("/set", b"")
    a.get_data("/set")
    a.set_data("/set", None)
    a.get_data("/set")
    a.set_data("/set", b"w" * 500_000)
    a.exists("/set")
    a.set_data("/set", b"same")
    a.set_data("/set", b"same")
    a.exists("/set/child")
    a.set_data("/set/child", b"x", version=0)
    a.get_data("/set")
