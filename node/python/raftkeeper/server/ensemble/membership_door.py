"""The membership as clients see and change it: /zookeeper/config, and the reconfig request.

What a request asks for is carried out by whoever set `on_request`, the admin package in a node. This
only passes on; it must not decide about members.
"""

from collections.abc import Callable

from raftkeeper._engine import Engine
from raftkeeper.raft import RaftCore
from raftkeeper.server.clock import Clock
from raftkeeper.server.zookeeper_config import render_config

WANTS_RECONFIGS = 8
"""The engine's bit."""

UNIMPLEMENTED = -6


class MembershipDoor:
    """One node's."""

    def __init__(self, engine: Engine, core: RaftCore, clock: Clock) -> None:
        self.on_request: Callable[[int, bytes], None] | None = None
        """(connection, body of the request). It is answered later, by `Engine.answer_reconfig`."""
        self._engine = engine
        self._core = core
        self._clock = clock
        self._told_index = 0

    def take_requests(self) -> None:
        """Passes on what clients ask for."""
        for conn, body in self._engine.take_reconfigs():
            if self.on_request is None:
                self._engine.answer_reconfig(conn, UNIMPLEMENTED, self._clock.now_us())
            else:
                self.on_request(conn, body)

    def publish(self) -> None:
        """Tells the engine the newest membership that is committed and final, once.

        Members without an address, as a node has that is alone, are nothing that a client could use.
        """
        core = self._core
        index = core.config_index
        if index == self._told_index or core.commit_index < index:
            return
        membership = core.membership
        if membership.is_joint:
            return
        self._told_index = index
        if all(member.address for member in membership.members):
            self._engine.set_config(render_config(membership, index))
