"""Several servers of one kind that are one service: started, stopped and asked together.

It is what a client sees of an ensemble: a list of addresses. Connections are spread over all members in
turn, so whatever runs against it also shows that it does not matter to whom a client speaks.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path
from typing import Self

from .lifetime import Lifetime
from .ports import free_ports
from .process import HOST, MemberPorts, Membership, Peer, PeerSettings, wait_for

SIZE = 3
PORTS_EACH = 3

CATCH_UP_DEADLINE_S = 10.0
"""A member that is not busy applies within milliseconds of the leader."""


class Ensemble(Lifetime):
    """Three members of one kind, with the same life as a single `Peer`."""

    def __init__(
        self,
        kind: type[Peer],
        settings: PeerSettings | None = None,
        *,
        directory: Path | None = None,
        size: int = SIZE,
    ) -> None:
        self.kind = kind.kind
        self._owns_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"{self.kind}-ensemble-"))
        ports = free_ports(PORTS_EACH * size)
        everyone = tuple(
            MemberPorts(*ports[at : at + PORTS_EACH]) for at in range(0, len(ports), PORTS_EACH)
        )
        self.members = tuple(
            kind(
                settings,
                directory=self.directory / str(number),
                membership=Membership(number, everyone),
            )
            for number in range(1, size + 1)
        )
        self._turns = cycle(self.members)
        self._reached: dict[tuple[str, int], int] = {}

    @property
    def address(self) -> str:
        """`host:port,host:port,…`, as clients take it."""
        return ",".join(member.address for member in self.members)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(member.pid for member in self.members)

    def next_endpoint(self) -> tuple[str, int]:
        """Where the next connection goes: each member in turn."""
        return next(self._turns).next_endpoint()

    def catch_up(self, endpoint: tuple[str, int], zxid: int) -> None:
        """Returns when that member has applied `zxid`, so that it shows what another has shown."""
        if self._reached.get(endpoint, 0) >= zxid:
            return
        member = self._member_at(endpoint)

        def has_it() -> bool:
            self._reached[endpoint] = applied_zxid(member)
            return self._reached[endpoint] >= zxid

        wait_for(has_it, CATCH_UP_DEADLINE_S, f"member {member.port} to reach zxid {zxid:#x}")

    def reached(self, endpoint: tuple[str, int]) -> int:
        """The zxid that the member at this endpoint has applied."""
        return applied_zxid(self._member_at(endpoint))

    def _member_at(self, endpoint: tuple[str, int]) -> Peer:
        return next(one for one in self.members if (HOST, one.port) == endpoint)

    def four_letter(self, word: str) -> str:
        """What the first member answers."""
        return self.members[0].four_letter(word)

    def start(self) -> Self:
        """Starts all and returns when each of them serves."""
        for member in self.members:
            member.launch()
        for member in self.members:
            member.wait_until_serving()
        return self

    def stop(self) -> None:
        """SIGTERM to each, one after the other, as they were started."""
        _each(member.stop for member in self.members)

    def kill(self) -> None:
        """SIGKILL to each."""
        _each(member.kill for member in self.members)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stops all; removes their data if this object made the directory."""
        try:
            _each(member.close for member in self.members)
        finally:
            if self._owns_directory:
                shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self) -> str:
        return "\n".join(f"{member.port}:\n{member.log_tail()}" for member in self.members)


def applied_zxid(member: Peer) -> int:
    """How far a member has got; 0 while it does not serve."""
    found = re.search(r"^Zxid: 0x([0-9a-f]+)$", member.four_letter("srvr"), re.MULTILINE)
    return int(found[1], 16) if found else 0


def _each(steps: Iterable[Callable[[], None]]) -> None:
    """All of them, whatever becomes of one; then the first error."""
    errors: list[Exception] = []
    for step in steps:
        try:
            step()
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]
