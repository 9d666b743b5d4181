"""Ephemerals: owner, no children, and their end with the session, by close and by expiry."""

from __future__ import annotations

from ..run import Run
from ..verbs import EPHEMERAL, EPHEMERAL_SEQUENTIAL, SEQUENTIAL, create_op

EXPIRY_DEADLINE_S = 15.0

SHORT_TIMEOUT_MS = 2_000
"""Long enough to set a watch before it is over, on a busy machine too."""


def story(run: Run) -> None:
    a = run.client("a")
    owner = run.client("owner")
    a.create("/ephemeral", b"")
    owner.create("/ephemeral/e", b"mine", flags=EPHEMERAL)
    owner.create2("/ephemeral/f", b"mine", flags=EPHEMERAL)
    owner.create("/ephemeral/s-", b"mine", flags=EPHEMERAL_SEQUENTIAL)
    a.get_data("/ephemeral/e")
    a.create("/ephemeral/e", b"", flags=EPHEMERAL)
    a.create("/ephemeral/e/child", b"")
    a.create("/ephemeral/e/child", b"", flags=SEQUENTIAL)
    owner.create("/ephemeral/e/child", b"", flags=EPHEMERAL)
    owner.create_container("/ephemeral/e/child")
    owner.create_ttl("/ephemeral/e/child", 60_000)
    owner.multi(create_op("/ephemeral/e/child"))
    # Others may change and delete what they do not own.
    a.set_data("/ephemeral/e", b"changed")
    a.delete("/ephemeral/f")
    owner.get_ephemerals("/ephemeral")
    # Gone with the session, all at one zxid; made again it belongs to the new one.
    a.get_children("/ephemeral", watch=True)
    a.exists("/ephemeral/e", watch=True)
    owner.close_session()
    a.ping()
    a.exists("/ephemeral/e")
    a.get_children2("/ephemeral")
    _expiry(run)


def _expiry(run: Run) -> None:
    """A session that is silent past its timeout: its nodes go, its connection too."""
    b = run.client("b")
    silent = run.client("silent", timeout_ms=SHORT_TIMEOUT_MS)
    silent.create("/ephemeral/x", b"", flags=EPHEMERAL)
    b.exists("/ephemeral/x", watch=True)
    b.await_event(EXPIRY_DEADLINE_S)
    b.exists("/ephemeral/x")
    silent.await_hang_up()
    late = run.reconnect("late", silent)
    late.await_hang_up()
    # The timeout of the last connect holds, not that of the first.
    patient = run.client("patient")
    patient.create("/ephemeral/z", b"", flags=EPHEMERAL)
    patient.drop()
    run.reconnect("patient no more", patient, timeout_ms=SHORT_TIMEOUT_MS)
    b.exists("/ephemeral/z", watch=True)
    b.await_event(EXPIRY_DEADLINE_S)
    dropped = run.client("dropped", timeout_ms=SHORT_TIMEOUT_MS)
    dropped.create("/ephemeral/y", b"", flags=EPHEMERAL)
    b.get_children("/ephemeral", watch=True)
    dropped.drop()
    b.await_event(EXPIRY_DEADLINE_S)
    b.get_children2("/ephemeral")
