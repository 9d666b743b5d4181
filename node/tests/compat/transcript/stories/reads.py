"""Exists and getData: what they show, of what is there and what is not; null and empty values."""

from __future__ import annotations

from ..run import Run


def story(run: Run) -> None:
    a = run.client("a")
    b = run.client("b")
    a.create("/reads", b"one")
    a.exists("/reads")
    a.get_data("/reads")
    b.exists("/reads")
    b.get_data("/reads")
    a.exists("/reads/none")
    a.get_data("/reads/none")
    a.exists("/reads/none/below")
    a.get_data("/reads/none/below")
    a.create("/reads/null", None)
    a.exists("/reads/null")
    a.get_data("/reads/null")
    a.set_data("/reads/null", b"")
    a.get_data("/reads/null")
    a.set_data("/reads/null", None)
    a.get_data("/reads/null")
    a.create("/reads/large", b"v" * 100_000)
    a.get_data("/reads/large")
    b.exists("/reads/large")
    a.delete("/reads/large")
    b.exists("/reads/large")
    b.get_data("/reads/large")
    # Xids belong to the client: any value comes back as it went.
    a.ask("exists", xid=0, path="/reads", watch=False)
    a.ask("exists", xid=2**31 - 1, path="/reads", watch=False)
    a.ask("exists", xid=-(2**31), path="/reads", watch=False)
    a.ask("exists", xid=-3, path="/reads", watch=False)
    a.ask("getData", xid=7, path="/reads", watch=False)
    a.ask("getData", xid=7, path="/reads", watch=False)
    # Reads take no zxid, pings neither.
    a.ping()
    a.get_data("/reads")
    b.ping()
