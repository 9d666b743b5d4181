"""Sessions that ended, or were left to their deadline, and what must become of their ephemerals.

They go all at once, not before the session's timeout, some time after it, and never come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from raftkeeper.testing import client_wire

from .session import Session, WrongReplyError

CLOCK_MARGIN_S = 0.5
"""The server heard from a session a little before the session heard from the server."""


@dataclass(slots=True)
class Departure:
    """One session that nobody holds any more."""

    session: int
    directory: str
    paths: frozenset[str]
    earliest_s: float
    """Before this time of the loop's clock its ephemerals must be there."""
    gone: bool = False


@dataclass(slots=True)
class Departures:
    """All of one run."""

    all: list[Departure] = field(default_factory=list)

    def closed(self, session: Session, directory: str) -> None:
        """The close was answered: nothing of it may ever be seen again."""
        self.all.append(Departure(session.id, directory, frozenset(), 0.0, gone=True))

    def abandoned(self, session: Session, directory: str, paths: set[str]) -> None:
        """The connection was dropped; the session ends when its timeout has passed."""
        earliest_s = session.contact_s + session.timeout_ms / 1000 - CLOCK_MARGIN_S
        self.all.append(Departure(session.id, directory, frozenset(paths), earliest_s))

    @property
    def waiting(self) -> int:
        """How many still have ephemerals to lose."""
        return sum(not departure.gone for departure in self.all)

    async def check(self, auditor: Session, now_s: float) -> None:
        """Looks at the ephemerals of every departed session. `now_s`: before the look was asked."""
        replies = await auditor.ask_all(
            [
                lambda xid, p=departure.directory: client_wire.read(
                    xid, client_wire.GET_CHILDREN, p
                )
                for departure in self.all
            ]
        )
        for departure, reply in zip(self.all, replies, strict=True):
            if reply.error != 0:
                raise WrongReplyError(f"reading {departure.directory}: error {reply.error}")
            names = client_wire.parse_names(reply.body)
            self._check_one(departure, {f"{departure.directory}/{name}" for name in names}, now_s)

    def _check_one(self, departure: Departure, found: set[str], now_s: float) -> None:
        session = f"session {departure.session:#x}"
        if found and departure.gone:
            raise WrongReplyError(f"{session} has ended, but {sorted(found)} are there")
        if found and found != departure.paths:
            raise WrongReplyError(
                f"{session} lost some of its ephemerals: {sorted(found)} are left"
            )
        if not found and departure.paths and not departure.gone and now_s < departure.earliest_s:
            raise WrongReplyError(f"{session} has lost its ephemerals before its timeout")
        departure.gone = not found
