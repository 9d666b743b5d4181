"""Sessions: handshakes of every shape, reconnects, moves between connections, refusals, the end."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/session", b"")
    # Timeouts are clamped to the server's bounds.
    for timeout_ms in (0, -1, 1, 999, 1_000, 1_001, 12_345, 40_000, 40_001, 2**31 - 1, -(2**31)):
        run.client(f"timeout {timeout_ms}", timeout_ms=timeout_ms).ping()
    # 44 bytes from clients that know no read-only mode; 45 from the others.
    run.client("old", read_only=None).ping()
    run.client("readonly", read_only=True).ping()
    for protocol in (1, -1, 7):
        run.client(f"protocol {protocol}", protocol=protocol).ping()
    for number, password in enumerate((None, b"", b"short", b"p" * 16, b"p" * 40)):
        run.client(f"password {number}", password=password).ping()
    _reconnects(run)
    _refusals(run)
    _ends(run)


def _reconnects(run: Run) -> None:
    a = run.client("a1")
    a.create("/session/e", b"", flags=EPHEMERAL)
    a.drop()
    b = run.reconnect("b", a)
    b.get_ephemerals("/session")
    b.exists("/session/e")
    # Taken up elsewhere while the first connection is open: that one is closed.
    c = run.reconnect("c", b)
    c.get_ephemerals("/session")
    b.await_hang_up()
    c.create("/session/f", b"", flags=EPHEMERAL)
    d = run.reconnect("d", c, timeout_ms=5_000, read_only=None)
    d.get_ephemerals("/session")
    d.drop()
    e = run.reconnect("e", d, timeout_ms=5_000)
    e.ping()
    # Seen no more than the server has: welcome. Seen more: refused, without a word.
    f = run.reconnect("f", e, last_zxid_seen=e.last_zxid, last_zxid_text="its last")
    f.ping()
    ahead = run.connection("ahead")
    ahead.handshake(last_zxid_seen=2**62, last_zxid_text="far ahead")
    known_ahead = run.connection("known ahead")
    known_ahead.handshake(
        session=f.session, password=f.password, last_zxid_seen=2**62, last_zxid_text="far ahead"
    )
    f.ping()
    f.close_session()


def _refusals(run: Run) -> None:
    a = run.client("a2")
    wrong = run.reconnect("wrong", a, password=b"x" * 16)
    wrong.await_hang_up()
    a.ping()
    zeros = run.reconnect("zeros", a, password=bytes(16))
    zeros.await_hang_up()
    run.recording.masks.learn_session(a.session, a.password[:8], "a2, cut")
    short = run.reconnect("short", a, password=a.password[:8])
    short.await_hang_up()
    null = run.reconnect("null", a, password=None)
    null.await_hang_up()
    for session in (1, -1, 2**63 - 1, -(2**63)):
        unknown = run.client(f"unknown {session}", session=session, password=b"x" * 16)
        unknown.await_hang_up()
    old = run.client("unknown old", session=5, password=bytes(16), read_only=None)
    old.await_hang_up()
    a.ping()


def _ends(run: Run) -> None:
    a = run.client("a3")
    a.create("/session/g", b"", flags=EPHEMERAL)
    a.close_session()
    b = run.client("b3")
    b.exists("/session/g")
    closed = run.reconnect("closed", a)
    closed.await_hang_up()
    # Nothing behind a close is answered.
    c = run.client("c3")
    c.send("closeSession")
    c.settle()
    c.await_hang_up()
    d = run.client("d3")
    d.ask("closeSession", xid=2**31 - 1)
    d.await_hang_up()
    # A second handshake on an open connection is a request like any other, and a bad one.
    e = run.client("e3")
    e.ping()
    e.ask("ping", xid=9)
    e.ping()
