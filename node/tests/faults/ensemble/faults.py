"""Each thing that goes wrong, from its beginning to the moment when all is well again.

A fault is a coroutine: it breaks something, holds it for a while, mends it and waits for its own
mark that it is mended. That all is well afterwards, and that a majority could write meanwhile where
one was left, is the run's to check.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from .ensemble import Ensemble, NotWellError
from .slow_link import Badness, SlowLink

HOLD_S = (1.0, 6.0)
FULL_DEADLINE_S = 90.0
"""The log's segments that lie ready must be used up first."""
TRANSFERS = 5


@dataclass(slots=True)
class Stage:
    """What a fault works on."""

    ensemble: Ensemble
    rng: random.Random
    note: Callable[[str], None]
    """Says what exactly it does: goes into the line of the fault."""
    renew_clients: Callable[[], None]
    """All clients forget their sessions and what they have seen."""

    async def hold(self) -> None:
        await asyncio.sleep(self.rng.uniform(*HOLD_S))

    async def a_leader(self) -> int:
        leader = await self.ensemble.leader()
        self.note(f"leader in slot {leader}")
        return leader

    async def a_follower(self) -> int:
        follower = self.rng.choice(await self.ensemble.followers())
        self.note(f"follower in slot {follower}")
        return follower

    async def anybody(self) -> int:
        return await (self.a_leader() if self.rng.random() < 0.5 else self.a_follower())


async def kill_leader(stage: Stage) -> None:
    await _kill(stage, await stage.a_leader())


async def kill_follower(stage: Stage) -> None:
    await _kill(stage, await stage.a_follower())


async def kill_all(stage: Stage) -> None:
    """As when the power goes."""
    nodes = [stage.ensemble.nodes[slot] for slot in stage.ensemble.placed]
    for node in nodes:
        node.kill()
    stage.rng.shuffle(nodes)
    for node in nodes:
        node.start()


async def kill_while_starting(stage: Stage) -> None:
    node = stage.ensemble.nodes[await stage.anybody()]
    for _ in range(3):
        node.kill()
        node.start()
        await asyncio.sleep(stage.rng.uniform(0.1, 1.5))


async def freeze_leader(stage: Stage) -> None:
    await _freeze(stage, await stage.a_leader())


async def freeze_follower(stage: Stage) -> None:
    await _freeze(stage, await stage.a_follower())


async def cut_off_leader(stage: Stage) -> None:
    """From the members, not from the clients."""
    await _cut_off(stage, await stage.a_leader())


async def cut_off_follower(stage: Stage) -> None:
    await _cut_off(stage, await stage.a_follower())


async def isolate(stage: Stage) -> None:
    """From members and clients alike."""
    slot = await stage.anybody()
    stage.ensemble.lab.drop_clients(slot)
    await _cut_off(stage, slot)


async def cut_one_link(stage: Stage) -> None:
    """The two sides still see the third."""
    slots = stage.rng.sample(sorted(stage.ensemble.placed), 2)
    stage.note(f"between slots {slots[0]} and {slots[1]}")
    stage.ensemble.lab.cut(slots[:1], slots[1:])
    await stage.hold()
    stage.ensemble.lab.heal()


async def make_deaf(stage: Stage) -> None:
    """It is heard by all and hears nobody."""
    slot = await stage.anybody()
    stage.ensemble.lab.drop(slot, stage.ensemble.placed - {slot})
    await stage.hold()
    stage.ensemble.lab.heal()


async def make_mute(stage: Stage) -> None:
    """It hears all and is heard by nobody."""
    slot = await stage.anybody()
    for other in stage.ensemble.placed - {slot}:
        stage.ensemble.lab.drop(other, {slot})
    await stage.hold()
    stage.ensemble.lab.heal()


async def slow_links(stage: Stage) -> None:
    """All lines of one node are late, and lose some."""
    slot = await stage.anybody()
    bad = stage.rng.choice(
        (
            Badness(0.02, 0.01),
            Badness(0.1, 0.05),
            Badness(0.005, 0.004, loss=0.05),
            Badness(0.03, 0.0, bytes_per_s=100_000),
        )
    )
    others = sorted(stage.ensemble.placed - {slot})
    links = [SlowLink(slot, one, bad, random.Random(stage.rng.random())) for one in others]
    async with AsyncExitStack() as stack:
        for link in links:
            await stack.enter_async_context(link)
        await stage.hold()
    carried = sum(link.carried for link in links)
    stage.note(f"{bad}; {carried:,} packets, {sum(link.lost for link in links):,} lost")
    if not carried:
        raise NotWellError("no packet went over the slow links")


async def fill_disk(stage: Stage) -> None:
    """Until it refuses writes, and a while longer."""
    slot = await stage.anybody()
    ensemble = stage.ensemble

    async def refuses() -> bool:
        status = await ensemble.status(slot)
        return status is not None and bool(status["disk"]["writes_refused"])

    async def takes() -> bool:
        status = await ensemble.status(slot)
        return status is not None and not status["disk"]["writes_refused"]

    ensemble.lab.fill(slot)
    try:
        await ensemble.until(refuses, f"node {slot} refuses writes", FULL_DEADLINE_S)
        await stage.hold()
    finally:
        ensemble.lab.relieve(slot)
    await ensemble.until(takes, f"node {slot} takes writes again")


async def lose_volume(stage: Stage) -> None:
    """A dead voter's disk is empty when it comes back: it joins as somebody new and takes the place."""
    ensemble = stage.ensemble
    slot = await stage.anybody()
    old = await ensemble.member_id(slot)
    ensemble.nodes[slot].kill()
    ensemble.serving.discard(slot)
    ensemble.placed.discard(slot)
    ensemble.nodes[slot].wipe()
    await ensemble.leader()
    new = await ensemble.join(slot)
    await ensemble.admin("replace", str(old), str(new))
    ensemble.serving.add(slot)
    stage.note(f"member {old} became {new}")


async def restart_one_by_one(stage: Stage) -> None:
    """SIGTERM, as an upgrade does it; the next only when all is well."""
    for slot in sorted(stage.ensemble.placed):
        node = stage.ensemble.nodes[slot]
        await node.terminate()
        node.start()
        await stage.ensemble.well(progress=False)


async def grow_and_shrink(stage: Stage) -> None:
    """Three members, five, three; five can miss two. Who goes is drawn among all, the leader too."""
    ensemble = stage.ensemble
    free = [slot for slot in ensemble.nodes if slot not in ensemble.placed][:2]
    for slot in free:
        member = await ensemble.join(slot)
        await ensemble.admin("promote", str(member))
        ensemble.serving.add(slot)
        await ensemble.well(progress=False)
    await _miss_two(stage)
    leaving = stage.rng.sample(sorted(ensemble.placed), len(free))
    stage.note(f"slots {free} came, {leaving} went")
    for slot in leaving:
        member = await ensemble.member_id(slot)
        await ensemble.admin("remove", str(member))
        ensemble.leave(slot)
        await ensemble.leader()


async def _miss_two(stage: Stage) -> None:
    """The leader dies and a follower freezes at the same moment."""
    ensemble = stage.ensemble
    dead = ensemble.nodes[await ensemble.leader()]
    frozen = ensemble.nodes[stage.rng.choice(sorted(ensemble.placed - {dead.slot}))]
    dead.kill()
    frozen.freeze()
    await stage.hold()
    dead.start()
    frozen.thaw()
    await ensemble.well(progress=False)


async def transfer(stage: Stage) -> None:
    """Leadership goes round, with the load going on."""
    for _ in range(TRANSFERS):
        to = stage.rng.choice(await stage.ensemble.followers())
        member = await stage.ensemble.member_id(to)
        try:
            await stage.ensemble.admin("transfer", str(member))
        except NotWellError as refused:
            # A follower that is not up to date this very moment may decline; that is no fault.
            stage.note(str(refused))
        await stage.ensemble.leader()


async def _kill(stage: Stage, slot: int) -> None:
    node = stage.ensemble.nodes[slot]
    node.kill()
    await stage.hold()
    node.start()


async def _freeze(stage: Stage, slot: int) -> None:
    node = stage.ensemble.nodes[slot]
    node.freeze()
    await stage.hold()
    node.thaw()


async def _cut_off(stage: Stage, slot: int) -> None:
    stage.ensemble.lab.cut({slot}, stage.ensemble.placed - {slot})
    await stage.hold()
    stage.ensemble.lab.heal()


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by its name."""

    name: str
    body: Callable[[Stage], Awaitable[None]]
    majority: bool = True
    """One is left that can write: it must."""


FAULTS = (
    Fault("leader killed", kill_leader),
    Fault("follower killed", kill_follower),
    Fault("all killed", kill_all, majority=False),
    Fault("killed while starting", kill_while_starting),
    Fault("leader frozen", freeze_leader),
    Fault("follower frozen", freeze_follower),
    Fault("leader cut off", cut_off_leader),
    Fault("follower cut off", cut_off_follower),
    Fault("isolated", isolate),
    Fault("one link cut", cut_one_link),
    Fault("deaf", make_deaf),
    Fault("mute", make_mute),
    Fault("slow links", slow_links),
    Fault("disk full", fill_disk),
    Fault("volume lost", lose_volume),
    Fault("restarted one by one", restart_one_by_one),
    Fault("3 to 5 to 3 members", grow_and_shrink),
    Fault("leadership transferred", transfer),
)
