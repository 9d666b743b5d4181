"""Operations end when what they ask for has come about, or say in time that they have not seen it."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.server.ensemble.stand_ins import StandInCore

from raftkeeper.raft import Membership, NotLeader
from raftkeeper.server.ensemble.operations import Operations
from raftkeeper.server.ensemble.waits import Waits


class Host:
    """As much of a driver as operations use."""

    def __init__(self) -> None:
        self.core: Any = StandInCore()
        self.waits = Waits()
        self.barriers = self
        self.engine = self
        self.leadership = SimpleNamespace(drained=False)
        self.draining = False
        self.clients_left = 0
        self.looks = 0
        self.asked: list[Callable[[bool], None]] = []
        self.undrained = False
        self.core.change = self.change
        self.core.config_index = 5

    def look(self) -> None:
        self.looks += 1

    def wake(self) -> None:
        self.looks += 1

    def ask(self, on_passed: Callable[[bool], None]) -> None:
        self.asked.append(on_passed)

    def drain(self, count: int) -> int:
        return 2

    def undrain(self) -> None:
        self.undrained = True

    def change(self, change: object, config_index: int) -> int:
        self.core.config_index = 11
        self.core.membership = Membership.of(voters=[1, 2], outgoing=[1, 2, 3])
        return 11


@pytest.fixture
def host() -> Host:
    return Host()


def operations(host: Host) -> Operations:
    return Operations(host)  # type: ignore[arg-type]


async def test_change_ends_when_committed_and_no_longer_joint(host: Host) -> None:
    """Its first half alone is no membership to rely on."""
    change: Any = object()
    task = asyncio.ensure_future(operations(host).change(change, 5, timeout_s=5))
    await asyncio.sleep(0)
    host.core.commit_index = 11
    host.waits.check()
    await asyncio.sleep(0)
    assert not task.done()
    host.core.membership = Membership.of(voters=[1, 2])
    host.core.config_index = 12
    host.waits.check()
    await asyncio.sleep(0)
    assert not task.done()
    host.core.commit_index = 12
    host.waits.check()
    assert await task == 12


async def test_change_whose_entry_was_replaced_is_not_done(host: Host) -> None:
    """Another leader committed something else at its index."""
    change: Any = object()
    task = asyncio.ensure_future(operations(host).change(change, 5, timeout_s=5))
    await asyncio.sleep(0)
    host.core.membership = Membership.of(voters=[1, 2, 3])
    host.core.config_index = 5
    host.core.follow(2, term=9)
    host.core.terms[11] = 9
    host.core.commit_index = 12
    host.waits.check()
    with pytest.raises(NotLeader):
        await task


async def test_change_that_is_not_seen_to_end_times_out_and_leaves_nothing(host: Host) -> None:
    """It may still come about: the caller asks again."""
    change: Any = object()
    with pytest.raises(TimeoutError):
        await operations(host).change(change, 5, timeout_s=0.01)
    host.waits.check()
    assert host.waits._waits == []


async def test_transfer_ends_when_another_leads(host: Host) -> None:
    """Not when there is no leader for a moment."""
    host.core.lead(3)
    task = asyncio.ensure_future(operations(host).transfer(2, timeout_s=5))
    await asyncio.sleep(0)
    assert host.core.transfers == [2]
    for leader, done in ((0, False), (2, True)):
        host.core.follow(leader, 4)
        host.waits.check()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert task.done() is done
    assert await task == 2


async def test_barrier_that_nobody_confirms_says_there_is_no_leader(host: Host) -> None:
    """It must not pass for want of an answer."""
    passing = asyncio.ensure_future(operations(host).barrier(timeout_s=5))
    failing = asyncio.ensure_future(operations(host).barrier(timeout_s=5))
    await asyncio.sleep(0)
    host.asked[0](True)
    host.asked[1](False)
    await passing
    with pytest.raises(NotLeader):
        await failing


async def test_drain_tells_how_many_are_left_and_goes_on(host: Host) -> None:
    """Until it is told otherwise."""
    assert await operations(host).drain(leadership=True, timeout_s=0.01) == 2
    assert (host.draining, host.leadership.drained) == (True, True)
    host.clients_left = 0
    operations(host).undrain()
    assert (host.draining, host.undrained, host.leadership.drained) == (False, True, False)


async def test_drain_of_clients_alone_lets_the_member_lead(host: Host) -> None:
    """`leadership` false: whoever asks wants it to go on leading."""
    assert await operations(host).drain(leadership=False, timeout_s=0.01) == 2
    assert (host.draining, host.leadership.drained) == (True, False)
