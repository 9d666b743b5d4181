"""ZooKeeper's door to the membership: what clients ask for goes to the leader, the result comes back.

What a request asks for is carried out by whoever set `on_request`, the admin package in a node, on
the leader; another member sends it there and waits. This file moves requests and answers between
engine, links and that, and shows the engine every final membership.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from raftkeeper.raft import NOBODY, MemberId, Role
from raftkeeper.server import limits
from raftkeeper.server.clock import Clock
from raftkeeper.server.zookeeper_config import render_config

if TYPE_CHECKING:
    from raftkeeper.server.driver import Driver

WANTS_RECONFIGS = 8
"""The engine's bit."""

SYSTEM_ERROR = -1
UNIMPLEMENTED = -6
RECONFIG_IN_PROGRESS = -14

Reply = Callable[[int], None]
"""Takes the protocol's error code, 0 when it is done."""


class _Asked(NamedTuple):
    """A request that the leader was asked to carry out."""

    conn: int
    leader: MemberId
    until_us: int


class MembershipDoor:
    """One node's."""

    def __init__(self, driver: "Driver", clock: Clock) -> None:
        self.on_request: Callable[[bytes, Reply], None] | None = None
        """(body of the request, whom to tell later)."""
        self._engine = driver.engine
        self._core = driver.core
        self._links = driver.links
        self._waits = driver.waits
        self._wake = driver.wake
        self._clock = clock
        self._told_index = 0
        self._number = 0
        self._asked: dict[int, _Asked] = {}

    # ---- this node's clients ---------------------------------------------------------------------

    def take_requests(self) -> None:
        """Passes on what clients ask for: to the leader, or to who carries it out here."""
        for conn, body in self._engine.take_reconfigs():
            leader = self._core.leader_id
            if self.on_request is None:
                self._answer(conn, UNIMPLEMENTED)
            elif leader in {NOBODY, self._core.config.member_id}:
                self.on_request(body, self._answer_of(conn))
            elif len(self._asked) >= limits.RECONFIGS_ASKED_MAX:
                self._answer(conn, RECONFIG_IN_PROGRESS)
            else:
                self._number += 1
                until_us = self._clock.now_us() + int(limits.RECONFIG_ANSWER_S * 1_000_000)
                self._asked[self._number] = _Asked(conn, leader, until_us)
                self._links.send_ask(leader, self._number, body)

    def on_answer(self, sender: MemberId, number: int, error: int, config_index: int) -> None:
        """The leader's. A client is shown what it has changed, so that must be here first."""
        asked = self._asked.get(number)
        if asked is None or asked.leader != sender:
            return
        if error:
            self._end(number, -error)
        else:
            self._waits.add(
                lambda: number not in self._asked or self._told_index >= config_index,
                lambda: self._end(number, 0),
            )

    def link_lost(self, member: MemberId) -> None:
        """Nobody knows what became of what it was asked."""
        for number in [n for n, asked in self._asked.items() if asked.leader == member]:
            self._end(number, RECONFIG_IN_PROGRESS)

    def tick(self) -> None:
        """What was not answered in time may still happen."""
        if self._asked:
            now_us = self._clock.now_us()
            for number in [n for n, asked in self._asked.items() if now_us >= asked.until_us]:
                self._end(number, RECONFIG_IN_PROGRESS)

    # ---- those of other members ------------------------------------------------------------------

    def on_ask(self, sender: MemberId, number: int, body: bytes) -> None:
        """Carries it out if this is the leader; who asks has checked who may."""

        def reply(code: int) -> None:
            self._links.send_answer(sender, number, -code, self._core.config_index)

        if self.on_request is None:
            reply(UNIMPLEMENTED)
        elif self._core.role is not Role.LEADER:
            reply(SYSTEM_ERROR)
        else:
            self.on_request(body, reply)

    # ---- the config ------------------------------------------------------------------------------

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

    def _end(self, number: int, code: int) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            self._answer(asked.conn, code)

    def _answer_of(self, conn: int) -> Reply:
        return lambda code: self._answer(conn, code)

    def _answer(self, conn: int, code: int) -> None:
        self._engine.answer_reconfig(conn, code, self._clock.now_us())
        self._wake()
