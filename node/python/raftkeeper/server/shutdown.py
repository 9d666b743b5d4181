"""How a node stops: signals, and the draining of what clients were promised.

Nothing here is needed for safety, a SIGKILL loses nothing that was acknowledged; it is politeness
towards clients and a faster next start. Every wait has a deadline.
"""

import asyncio
import signal
from typing import Any, TypeVar

from raftkeeper.raft import NOBODY, Role
from raftkeeper.raft.quorum import has_quorum
from raftkeeper.server import limits
from raftkeeper.server.driver import Driver
from raftkeeper.server.ensemble.operations import wait_until
from raftkeeper.server.first_bytes import Acceptor
from raftkeeper.server.logs import get_logger
from raftkeeper.server.view import NodeParts

log = get_logger(__name__)

T = TypeVar("T")


class StopRequest:
    """Told by a signal, or by a failure, that the node is to stop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request, signal.Signals(number).name)

    def request(self, reason: str) -> None:
        """Asks for the stop. A second time changes nothing."""
        if not self._event.is_set():
            log.info("node.stopping", reason=reason)
            self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Whether it was asked for, after at most this long."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def wait_for_ever(self) -> None:
        """Until it is asked for."""
        await self._event.wait()

    async def unless_stopped(self, work: "asyncio.Future[T]") -> T | None:
        """The result of the work; None, and the work is cancelled, when the stop came first."""
        stop = asyncio.ensure_future(self._event.wait())
        either: set[asyncio.Future[Any]] = {work, stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            return None
        return work.result()

    async def wait_unless(self, ready: asyncio.Event) -> bool:
        """Waits for `ready` without bound; False when the stop came first."""
        waits = {
            asyncio.ensure_future(ready.wait()),
            asyncio.ensure_future(self._event.wait()),
        }
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return not self._event.is_set()


async def drain(parts: NodeParts, acceptor: Acceptor | None, *, snapshot: bool) -> None:
    """Hands leadership over, takes no more requests, finishes those it has, says goodbye,
    snapshots if asked.
    """
    await _hand_over(parts)
    parts.clients.pause_all()
    if acceptor is not None:
        acceptor.close_all()
    driver = parts.driver
    try:
        await wait_until(
            driver,
            lambda: driver.is_quiet or not has_quorum_linked(driver),
            limits.DRAIN_TIMEOUT_S,
        )
    except TimeoutError:
        pass
    if not driver.is_quiet:
        log.warning("node.not_drained", effect="unfinished writes were not acknowledged")
    parts.clients.close_all()
    try:
        await asyncio.wait_for(parts.clients.wait_none(), limits.CLOSE_TIMEOUT_S)
    except TimeoutError:
        parts.clients.abort_all()
    if snapshot and not await parts.snapshotter.take(limits.SHUTDOWN_SNAPSHOT_TIMEOUT_S):
        log.warning("snapshot.skipped", effect="the next start replays the log")


async def _hand_over(parts: NodeParts) -> None:
    """While it still serves: the next leader is there before this one is gone."""
    core, driver = parts.core, parts.driver
    if core.role is not Role.LEADER or not core.members:
        return
    driver.leave()
    try:
        await wait_until(
            driver,
            lambda: (
                (core.role is not Role.LEADER and core.leader_id != NOBODY)
                or not has_quorum_linked(driver)
            ),
            limits.HANDOVER_TIMEOUT_S,
        )
    except TimeoutError:
        log.warning("node.handover_timeout", effect="the others elect a leader without this one")


def has_quorum_linked(driver: Driver) -> bool:
    """Whether the others are there to finish anything: when all members are told to stop at once,
    the last ones need not wait for what nobody can do any more.
    """
    core, links = driver.core, driver.links
    me = core.config.member_id
    present = [member for member in core.members if links.is_up(member)]
    return has_quorum(core.membership, [me, *present])
