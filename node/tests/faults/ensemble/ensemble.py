"""The nodes of the run together: who leads, who is a member, and when all is well again."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import aiohttp

from .board import Board
from .lab import Lab
from .node import Node

WELL_DEADLINE_S = 60.0
"""Until all is well after a fault: an election, a snapshot, a restart, on a machine that is busy."""
LOOK_S = 0.05
CAUGHT_UP_ENTRIES = 200
"""Behind by fewer entries counts as caught up while the load goes on."""
ADMIN_DEADLINE_S = 40.0

Status = dict[str, Any]


class NotWellError(Exception):
    """Something that had to come true did not come true in time."""


class Ensemble:
    """Slots with nodes in them; `placed` are those that are members or about to be."""

    def __init__(self, lab: Lab, board: Board, http: aiohttp.ClientSession) -> None:
        self.lab = lab
        self.board = board
        token_file = lab.directory / "token"
        self._token = secrets.token_hex(16)
        token_file.write_text(f"{self._token}\n")
        self._http = http
        http.headers["Authorization"] = f"Bearer {self._token}"
        self.nodes = {slot: Node(lab, slot, token_file) for slot in lab.slots}
        self.placed: set[int] = set()
        self.serving: set[int] = set()
        """Where clients go."""

    async def found(self, slots: Collection[int]) -> None:
        """Starts the first members and waits until they serve."""
        for slot in slots:
            self.nodes[slot].start(founders=tuple(slots))
            self.placed.add(slot)
        self.serving = set(self.placed)
        await self.well(progress=False)

    def addresses(self) -> list[tuple[int, str]]:
        """Where clients may go, whether it answers or not."""
        return [(slot, self.nodes[slot].address) for slot in sorted(self.serving)]

    # ---- looking ---------------------------------------------------------------------------------

    async def status(self, slot: int) -> Status | None:
        return await self.nodes[slot].ask(self._http, "/v1/status")

    async def leader(self) -> int:
        """The slot of the member that leads and that the others follow; waits for it."""
        found: list[int] = []

        async def one_leads() -> bool:
            statuses = await self._statuses()
            leading = [slot for slot, status in statuses.items() if _leads(status)]
            newest = max((s["term"] for s in statuses.values() if "term" in s), default=0)
            found[:] = [slot for slot in leading if statuses[slot]["term"] == newest]
            return len(found) == 1

        await self.until(one_leads, "one member leads")
        return found[0]

    async def followers(self) -> list[int]:
        leader = await self.leader()
        return sorted(self.placed - {leader})

    async def member_id(self, slot: int) -> int:
        status = await self.status(slot)
        if status is None:
            raise NotWellError(f"node {slot} does not tell which member it is")
        return int(status["identity"]["member_id"])

    async def well(self, *, progress: bool = True) -> None:
        """All placed nodes serve one leader, are caught up, and writes are acknowledged."""
        why = ["nothing was heard"]

        async def all_well() -> bool:
            why[0] = await self._ailment()
            return not why[0]

        try:
            await self.until(all_well, "all is well")
        except NotWellError as error:
            raise NotWellError(f"{error}: {why[0]}") from error
        if progress:
            await self.progress()

    async def progress(self) -> None:
        """A write that was asked for from now on is acknowledged, and some more."""
        target = self.board.acknowledged_writes + 50

        async def written() -> bool:
            return self.board.acknowledged_writes >= target

        await self.until(written, "writes are acknowledged")

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        deadline_s: float = WELL_DEADLINE_S,
    ) -> None:
        """Looks again and again; NotWellError after the deadline."""
        end_s = time.monotonic() + deadline_s
        while not await condition():
            for node in self.nodes.values():
                node.check_alive()
            if time.monotonic() > end_s:
                raise NotWellError(f"not within {deadline_s:.0f} s: {what}")
            await asyncio.sleep(LOOK_S)

    async def _statuses(self) -> dict[int, Status]:
        slots = sorted(self.placed)
        answers = await asyncio.gather(*(self.status(slot) for slot in slots))
        return {s: answer for s, answer in zip(slots, answers, strict=True) if answer is not None}

    async def _ailment(self) -> str:
        """What is not well; empty when all is."""
        statuses = await self._statuses()
        for slot in sorted(self.placed):
            status = statuses.get(slot)
            if status is None:
                return f"node {slot} does not answer"
            if not status["ready"]:
                return f"node {slot} is not ready: {status['reason']}"
            if status.get("diverged"):
                return f"node {slot} has diverged: {status['diverged']}"
        leaders = {status["leader_id"] for status in statuses.values()}
        if len(leaders) != 1 or 0 in leaders:
            return f"they follow different leaders: {sorted(leaders)}"
        commit = max(status["commit_index"] for status in statuses.values())
        for slot, status in statuses.items():
            if status["applied_index"] < commit - CAUGHT_UP_ENTRIES:
                return f"node {slot} is at {status['applied_index']} of {commit}"
            if len(status["config"]) != len(self.placed):
                return f"node {slot} knows {len(status['config'])} members"
        return ""

    # ---- changing --------------------------------------------------------------------------------

    async def admin(self, *words: str) -> dict[str, Any]:
        """`raftkeeper admin …` as a person would call it, with all placed nodes as endpoints."""
        endpoints = ",".join(
            node.admin_address
            for slot, node in sorted(self.nodes.items())
            if slot in self.placed and node.running and not node.frozen
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "raftkeeper", "admin"),
            *("--endpoints", endpoints, "--json", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "RAFTKEEPER_ADMIN_TOKEN": self._token},
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), ADMIN_DEADLINE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NotWellError(f"admin {' '.join(words)} hangs") from None
        if process.returncode != 0:
            raise NotWellError(f"admin {' '.join(words)}: {err.decode().strip()}")
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def join(self, slot: int) -> int:
        """An empty disk becomes a learner that has caught up; its member id."""
        node = self.nodes[slot]
        node.start()

        async def waits() -> bool:
            status = await self.status(slot)
            return status is not None and status["identity"]["state"] == "waiting"

        await self.until(waits, f"node {slot} waits to be added")
        added = await self.admin("add-learner", node.peer_address)
        self.placed.add(slot)
        member = int(added["member_id"])

        async def caught_up() -> bool:
            rows = (await self.admin("members"))["members"]
            return any(row["id"] == member and row["caught_up"] for row in rows)

        await self.until(caught_up, f"member {member} in slot {slot} has caught up")
        return member

    def leave(self, slot: int) -> None:
        """The node that was removed is stopped, and its disk emptied."""
        self.placed.discard(slot)
        self.serving.discard(slot)
        self.nodes[slot].kill()
        self.nodes[slot].wipe()


def _leads(status: Status) -> bool:
    own = status["identity"]["member_id"]
    return bool(own) and status.get("leader_id") == own and status.get("role") == "leader"
