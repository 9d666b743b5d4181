"""The operations beside the tree: sync, whoAmI, sasl, reconfig, and codes no client may send."""

from __future__ import annotations

from ..run import SUPER_PASSWORD, Run
from ..verbs import CHILDREN


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/admin", b"")
    a.sync("/admin")
    a.sync("/admin/none")
    a.sync("/")
    a.who_am_i()
    a.ping()
    a.delete_container("/admin")
    a.exists("/admin")
    a.check_watches("/admin", CHILDREN)
    alone = run.client("check alone")
    alone.ask("check", path="/admin", version=-1)
    alone.look_for_hang_up()
    _reconfig(run)
    # A session is created by a handshake, and this is none.
    nested = run.client("op -10")
    nested.ask_raw("op-10", b"", code=-10)
    nested.ping()
    # Codes that only servers use among themselves, and codes that mean nothing.
    for code in (0, -1, 10, 23, 99, 108, 500, 997, -12, -1001, 2**31 - 1, -(2**31)):
        client = run.client(f"op {code}")
        client.ask_raw(f"op{code}", b"", code=code)
        client.look_for_hang_up()
    body = run.client("op with a body")
    body.ask_raw("op55", b"\0\0\0\1/\0", code=55)
    body.look_for_hang_up()
    for number, token in enumerate((b"", b"token", None)):
        client = run.client(f"sasl {number}")
        client.sasl(token)
        client.ping()
    a.ping()


def _reconfig(run: Run) -> None:
    """Off by default, for everyone."""
    a = run.client("a1")
    a.get_data("/zookeeper/config")
    a.exists("/zookeeper/config")
    a.reconfig(joining="server.2=127.0.0.1:2888:3888;2181")
    a.reconfig(leaving="1")
    a.reconfig(members="server.1=127.0.0.1:2888:3888;2181", config_id=5)
    a.reconfig()
    s = run.client("super")
    s.auth("digest", SUPER_PASSWORD.encode())
    s.reconfig(joining="server.2=127.0.0.1:2888:3888;2181")
    a.set_data("/zookeeper/config", b"x")
