"""ZooKeeper's reconfig as another door to the changes of `membership`.

Ids come from the log here, so a server that joins must bear the next one (`/zookeeper/config` and
`raftkeeper admin members` tell it), and its node must wait with an empty disk. Who joins as a
participant is added as a learner, and promoted once it has caught up. Only the leader carries a
request out; it must be short, as its client's pings wait behind it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from raftkeeper.admin.membership import MembershipChanges, NewMember
from raftkeeper.admin.node_port import NodePort
from raftkeeper.admin.ports import Views
from raftkeeper.admin.reconfig_text import Joining, Reconfig, ReconfigError, parse_request
from raftkeeper.admin.refusals import AdminRefusal, Code
from raftkeeper.server.logs import get_logger
from raftkeeper.server.view import NodeView

log = get_logger(__name__)

TIMEOUT_S = 2.5
"""Below two thirds of the shortest session timeout: then a client gives its connection up."""

CATCH_UP_POLL_S = 0.05
"""Between two looks at a learner that catches up: a follower's progress has no event of its own."""

OK = 0
SYSTEM_ERROR = -1
BAD_ARGUMENTS = -8
NEW_CONFIG_NO_QUORUM = -13
RECONFIG_IN_PROGRESS = -14
BAD_VERSION = -103

_CODES = {
    Code.CONFIG_INDEX_STALE: BAD_VERSION,
    Code.CHANGE_IN_PROGRESS: RECONFIG_IN_PROGRESS,
    Code.OUTCOME_UNKNOWN: RECONFIG_IN_PROGRESS,
    Code.NOT_CAUGHT_UP: NEW_CONFIG_NO_QUORUM,
    Code.QUORUM_AT_RISK: NEW_CONFIG_NO_QUORUM,
    Code.MEMBER_UNREACHABLE: NEW_CONFIG_NO_QUORUM,
    Code.UNKNOWN_MEMBER: BAD_ARGUMENTS,
    Code.WRONG_ROLE: BAD_ARGUMENTS,
    Code.LAST_VOTER: BAD_ARGUMENTS,
    Code.FEATURE_LEVEL_TOO_LOW: BAD_ARGUMENTS,
    Code.BAD_REQUEST: BAD_ARGUMENTS,
}
"""What ZooKeeper's clients know; the rest is a system error."""

Sleep = Callable[[float], Awaitable[None]]


class ReconfigDoor:
    """Carries out what clients ask for."""

    def __init__(
        self,
        views: Views,
        changes: MembershipChanges,
        cluster_id: bytes,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._views = views
        self._changes = changes
        self._cluster_id = cluster_id
        self._sleep = sleep

    async def run(self, body: bytes) -> int:
        """The error code of the answer; 0 when it is done."""
        try:
            request = parse_request(body)
            async with asyncio.timeout(TIMEOUT_S):
                await self._carry_out(request)
        except ReconfigError as error:
            return self._refused(BAD_ARGUMENTS, str(error))
        except AdminRefusal as error:
            return self._refused(_CODES.get(error.code, SYSTEM_ERROR), f"{error}; {error.hint}")
        except TimeoutError:
            return self._refused(RECONFIG_IN_PROGRESS, f"not finished after {TIMEOUT_S} s")
        log.info("reconfig.done", config_index=self._views.status().config_index)
        return OK

    @staticmethod
    def _refused(code: int, reason: str) -> int:
        log.warning("reconfig.refused", code=code, reason=reason)
        return code

    async def _carry_out(self, request: Reconfig) -> None:
        index = self._views.status().config_index
        if request.version not in {-1, index}:
            raise AdminRefusal(
                Code.CONFIG_INDEX_STALE, f"the config has version {index:x}", "read it again"
            )
        joining, leaving = request.joining, request.leaving
        if joining is not None:
            await self._join(joining, leaving, index)
        elif leaving is not None:
            await self._changes.remove(leaving, index, force=False, timeout_s=TIMEOUT_S)

    async def _join(self, joining: Joining, leaving: int | None, index: int) -> None:
        known = next((m for m in self._views.members() if m.id == joining.id), None)
        if known is None:
            if joining.id != self._views.next_id():
                raise ReconfigError(
                    f"the next member is server.{self._views.next_id()}: ids are never used again"
                )
            new = NewMember(joining.address, priority=joining.priority)
            answer = await self._changes.add_learner(
                new, index, cluster_id=self._cluster_id, timeout_s=TIMEOUT_S
            )
            if answer["member_id"] != joining.id:
                raise ReconfigError(f"this node is member {answer['member_id']} already")
            index = answer["config_index"]
        elif known.address != joining.address or joining.priority not in {None, known.priority}:
            details: dict[str, Any] = {"address": joining.address}
            if joining.priority is not None:
                details["priority"] = joining.priority
            answer = await self._changes.update(joining.id, index, details, timeout_s=TIMEOUT_S)
            index = answer["config_index"]
        # From here on nobody else may have changed anything: the request was decided without it.
        if joining.is_learner:
            if leaving is not None:
                await self._changes.remove(leaving, index, force=False, timeout_s=TIMEOUT_S)
            return
        await self._until_caught_up(joining.id)
        if leaving is not None:
            await self._changes.replace(
                leaving, joining.id, index, force=False, timeout_s=TIMEOUT_S
            )
        else:
            await self._changes.promote(joining.id, index, force=False, timeout_s=TIMEOUT_S)

    async def _until_caught_up(self, member: int) -> None:
        """Up to the deadline of the whole; then it stays a learner, and the request may come again."""
        deadline_s = TIMEOUT_S - 0.5
        waited_s = 0.0
        while True:
            found = next((m for m in self._views.members() if m.id == member), None)
            if found is None or found.role != "learner" or found.caught_up:
                return
            if waited_s >= deadline_s:
                raise AdminRefusal(
                    Code.NOT_CAUGHT_UP,
                    f"member {member} is a learner now and has not caught up yet",
                    "ask again in a while",
                )
            await self._sleep(CATCH_UP_POLL_S)
            waited_s += CATCH_UP_POLL_S


def open_door(view: NodeView) -> Callable[[bytes, Callable[[int], None]], None]:
    """What a node's driver calls with each request: (body, whom to tell its error code)."""
    port = NodePort(view)
    running: set[asyncio.Task[None]] = set()

    async def carry_out(body: bytes, reply: Callable[[int], None]) -> None:
        code = SYSTEM_ERROR
        try:
            changes = MembershipChanges(port, port.operations(), port.surveyor())
            identity = view.identity
            cluster_id = identity.cluster_id if identity is not None else b""
            code = await ReconfigDoor(port, changes, cluster_id).run(body)
        except Exception as error:  # the top frame of a task: the client is answered all the same
            log.critical("reconfig.broken", exc_info=error)
        finally:
            reply(code)

    def on_request(body: bytes, reply: Callable[[int], None]) -> None:
        task = asyncio.get_running_loop().create_task(carry_out(body, reply))
        running.add(task)
        task.add_done_callback(running.discard)

    return on_request
