"""The server ends and comes back, told to and killed: what was acknowledged, and who may go on."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, SEQUENTIAL, create_op, set_data_op

LEAVER_TIMEOUT_MS = 8_000
"""Longer than a server takes to come back and to be asked a few things, a JVM on a busy machine too."""

EXPIRY_DEADLINE_S = 25.0


def story(run: Run) -> None:
    _again(run, "told", orderly=True)
    _again(run, "killed", orderly=False)


def _again(run: Run, name: str, *, orderly: bool) -> None:
    root = f"/restart-{name}"
    a = run.client(f"{name} a")
    a.create(root, b"before")
    a.create(f"{root}/e", b"mine", flags=EPHEMERAL)
    a.create(f"{root}/s-", b"", flags=SEQUENTIAL)
    a.create(f"{root}/digest", b"", acl=[(31, "digest", "alice:WN6Xab8SQnsUjIJDGPDhJgjCBQE=")])
    a.create_container(f"{root}/c")
    a.create_ttl(f"{root}/t", 3_600_000)
    a.multi(create_op(f"{root}/m", None), set_data_op(root, b"multi"))
    a.create(f"{root}/none/below", b"")
    a.get_data(root, watch=True)
    leaver = run.client(f"{name} leaver", timeout_ms=LEAVER_TIMEOUT_MS)
    leaver.create(f"{root}/gone", b"", flags=EPHEMERAL)
    seen = a.last_zxid
    run.restart(orderly=orderly)
    a.await_hang_up()
    b = run.reconnect(f"{name} b", a, last_zxid_seen=seen, last_zxid_text="its last")
    b.get_ephemerals(root)
    b.set_watches2(seen, data=[root], child=[root])
    b.get_data(root)
    b.get_children(root, watch=True)
    b.get_data(f"{root}/e")
    b.get_data(f"{root}/m")
    b.get_data(f"{root}/digest")
    b.get_acl(f"{root}/digest")
    # Who does not come back is gone after its timeout; the watch tells.
    b.await_event(EXPIRY_DEADLINE_S)
    b.create(f"{root}/s-", b"", flags=SEQUENTIAL)
    b.get_children2(root)
    b.close_session()
    c = run.client(f"{name} c")
    c.exists(f"{root}/e")
    c.set_data(root, b"after")
