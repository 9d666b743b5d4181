"""What an operator asks of an ensemble, as calls that wait: membership, leadership, barrier, drain.

Each has a deadline; TimeoutError means that the end was not seen in time, not that nothing happened.
The driver looks after each step whether they are done.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from raftkeeper.raft import NOBODY, Change, MemberId, NotLeader

if TYPE_CHECKING:
    from raftkeeper.server.driver import Driver


class Operations:
    """For the admin surfaces; on the loop's thread."""

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver

    async def change(self, change: Change, config_index: int, *, timeout_s: float) -> int:
        """The index of the change, committed and no longer joint.

        Raises NotLeader, ChangeRefused: then nothing was done. NotLeader also when another leader has
        put its own entry in the place of the change.
        """
        core = self._driver.core
        index = core.change(change, config_index)
        term = core.term
        self._driver.look()

        def is_lost() -> bool:
            return core.commit_index >= index and core.term_at(index) not in {term, None}

        def done() -> bool:
            is_whole = not core.membership.is_joint
            return is_lost() or (is_whole and core.commit_index >= max(index, core.config_index))

        await self._wait(done, timeout_s)
        if is_lost():
            raise NotLeader(core.leader_id)
        return core.config_index

    async def transfer(self, to: MemberId, *, timeout_s: float) -> MemberId:
        """Who leads now; 0 asks for the best one. Raises NotLeader, TransferRefused."""
        core = self._driver.core
        core.transfer(to)
        self._driver.look()
        me = core.config.member_id
        await self._wait(lambda: core.leader_id not in {me, NOBODY}, timeout_s)
        return core.leader_id

    async def barrier(self, *, timeout_s: float) -> None:
        """Everything that was committed before the call is applied here. Raises NotLeader."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def on_passed(passed: bool) -> None:  # noqa: FBT001  a barrier's answer
            if not answer.done():
                answer.set_result(passed)

        self._driver.barriers.ask(on_passed)
        self._driver.look()
        async with asyncio.timeout(timeout_s):
            if not await answer:
                raise NotLeader(self._driver.core.leader_id)

    async def drain(self, *, leadership: bool, timeout_s: float) -> int:
        """Sends clients away, a few at a time, and lets no new ones in; how many are left. With
        `leadership` this member does not lead meanwhile if another can.
        """
        driver = self._driver
        driver.draining = True
        driver.leadership.drained = leadership
        driver.clients_left = driver.engine.drain(0)
        driver.wake()
        try:
            await self._wait(lambda: driver.clients_left == 0, timeout_s)
        except TimeoutError:
            pass  # the answer says how many are left, and it goes on
        return driver.clients_left

    def undrain(self) -> None:
        """Lets clients in again."""
        self._driver.draining = self._driver.leadership.drained = False
        self._driver.engine.undrain()

    async def _wait(self, done: Callable[[], bool], timeout_s: float) -> None:
        await wait_until(self._driver, done, timeout_s)


async def wait_until(driver: "Driver", done: Callable[[], bool], timeout_s: float) -> None:
    """Until the condition holds; TimeoutError when it does not in time."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finish() -> None:
        if not future.done():
            future.set_result(None)

    driver.waits.add(lambda: future.done() or done(), finish)
    driver.look()
    async with asyncio.timeout(timeout_s):
        await future
