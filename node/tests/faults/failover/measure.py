"""Takes leaders away and notes for how long nobody could write.

A gap counts from the moment at which the leader goes to the acknowledgement of the first write that was
sent afterwards, at a node that survives.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.compat.peers import Ensemble, Peer, PeerError
from tests.faults.ensemble.wire_session import now_us

from .clients import RawClient, gap_ms, until, writing_at

HOST = "127.0.0.1"
TRANSFER_CLIENTS_EACH = 3
"""Of each node, while leadership is handed over."""
BETWEEN_TRANSFERS_S = 0.3


@dataclass(slots=True)
class Gaps:
    """In milliseconds, one for each time."""

    raw: list[float] = field(default_factory=list)
    kazoo: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Transfers:
    """Leadership handed over."""

    gaps_ms: list[float] = field(default_factory=list)
    """The longest that any client waited between two acknowledged writes around it."""
    failed: int = 0
    """Writes that failed or lost their connection."""
    acknowledged: int = 0


async def measure_kills(ensemble: Ensemble, times: int, say: Callable[[str], None]) -> Gaps:
    """SIGKILL to the leader, which is started again each time."""

    async def bring_back(leader: Peer) -> None:
        await asyncio.to_thread(leader.kill)
        await asyncio.to_thread(leader.start)

    return await _measure(ensemble, times, signal.SIGKILL, bring_back, say)


async def measure_freezes(ensemble: Ensemble, times: int, say: Callable[[str], None]) -> Gaps:
    """SIGSTOP to the leader, which goes on once the others have another one."""

    async def bring_back(leader: Peer) -> None:
        os.kill(leader.pid, signal.SIGCONT)

    return await _measure(ensemble, times, signal.SIGSTOP, bring_back, say)


async def _measure(
    ensemble: Ensemble,
    times: int,
    how: signal.Signals,
    bring_back: Callable[[Peer], Awaitable[None]],
    say: Callable[[str], None],
) -> Gaps:
    gaps = Gaps()
    for turn in range(times):
        leader = await wait_until_whole(ensemble)
        survivors = [member for member in ensemble.members if member is not leader]
        async with writing_at(HOST, survivors[turn % 2].port) as (raw, kazoo):
            gone_us = now_us()
            os.kill(leader.pid, how)
            gaps.raw.append(await gap_ms(raw, gone_us))
            gaps.kazoo.append(await gap_ms(kazoo, gone_us))
            await bring_back(leader)
        say(
            f"{ensemble.kind} {how.name} {turn + 1}/{times}: raw {gaps.raw[-1]:.0f} ms,"
            f" kazoo {gaps.kazoo[-1]:.0f} ms"
        )
    return gaps


async def measure_transfers(
    ensemble: Ensemble, times: int, say: Callable[[str], None]
) -> Transfers:
    """Leadership is handed over by the leader's four-letter word, under load at all nodes."""
    await wait_until_whole(ensemble)
    clients = [
        RawClient(f"load-{number}-{at}", HOST, member.port)
        for number, member in enumerate(ensemble.members)
        for at in range(TRANSFER_CLIENTS_EACH)
    ]
    for client in clients:
        await client.start()
    result = Transfers()
    try:
        for turn in range(times):
            leader = await wait_until_whole(ensemble)
            began_us = now_us()
            await asyncio.to_thread(leader.four_letter, "ydld")
            await until(lambda old=leader: _mode(old) == "follower", "it follows")  # type: ignore[misc]
            await wait_until_whole(ensemble)
            await asyncio.sleep(BETWEEN_TRANSFERS_S)
            gap_us = max(client.writes.longest_gap_us(began_us) for client in clients)
            result.gaps_ms.append(gap_us / 1000)
            result.failed += sum(client.writes.failed_since(began_us) for client in clients)
            say(f"{ensemble.kind} transfer {turn + 1}/{times}: {gap_us / 1000:.0f} ms")
    finally:
        for client in clients:
            await client.stop()
    result.acknowledged = sum(len(client.writes.acknowledged) for client in clients)
    return result


async def wait_until_whole(ensemble: Ensemble) -> Peer:
    """One leads and both others follow and are in sync with it; returns the leader."""
    found: list[Peer] = []

    def whole() -> bool:
        modes = {member: _mode(member) for member in ensemble.members}
        found[:] = [member for member, mode in modes.items() if mode == "leader"]
        if len(found) != 1 or sum(mode == "follower" for mode in modes.values()) != 2:
            return False
        return _synced_followers(found[0]) == 2

    await until(whole, f"three members of {ensemble.kind} are whole")
    return found[0]


def _mode(member: Peer) -> str:
    return _find(member, "srvr", r"^Mode: (\S+)$")


def _synced_followers(leader: Peer) -> int:
    return int(_find(leader, "mntr", r"^zk_synced_followers\s+(\d+)") or "0")


def _find(member: Peer, word: str, pattern: str) -> str:
    """A figure of a four-letter word; empty when the member does not answer."""
    try:
        answer = member.four_letter(word, timeout_s=1.0)
    except (OSError, PeerError):
        return ""
    found = re.search(pattern, answer, re.MULTILINE)
    return found[1] if found else ""
