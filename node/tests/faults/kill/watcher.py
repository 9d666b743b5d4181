"""A session that watches the whole load: every znode is created and deleted in turns, never twice.

It catches an ephemeral that goes twice, or an event out of order. It lives for one round: events of
the time it was away are not its business.
"""

from __future__ import annotations

from raftkeeper.testing import client_wire

from .session import Session, WrongReplyError

CREATED, DELETED, DATA_CHANGED = 1, 2, 3


class Watcher:
    """Knows of each znode whether it is there, by its last event."""

    def __init__(self) -> None:
        self.events = 0
        self._there: dict[str, bool] = {}
        self._zxid = 0

    async def watch(self, session: Session, path: str) -> None:
        """Begins anew on a connected session, with a recursive watch."""
        self._there.clear()
        self._zxid = 0
        session.on_event = self._on_event
        reply = await session.ask(lambda xid: client_wire.add_watch(xid, path))
        if reply.error != 0:
            raise WrongReplyError(f"the watch of {path} was answered with error {reply.error}")

    def _on_event(self, reply: client_wire.Reply) -> None:
        kind, path = client_wire.parse_event(reply.body)
        self.events += 1
        if reply.zxid < self._zxid:
            raise WrongReplyError(f"event of {path} at {reply.zxid:#x} after {self._zxid:#x}")
        self._zxid = reply.zxid
        there = self._there.get(path)
        if there is not None and (kind == CREATED) is there:
            raise WrongReplyError(
                f"event {kind} of {path}, which was {'there' if there else 'gone'}"
            )
        self._there[path] = kind != DELETED
