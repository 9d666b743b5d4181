"""What the links call: each thing goes to its part, guarded, and the core is looked at afterwards.

Nothing is decided here. Several calls of one loop turn share one look at the core.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from raftkeeper.raft import MemberId, Message
from raftkeeper.storage import SnapshotMeta

if TYPE_CHECKING:
    from raftkeeper.server.driver import Driver


class Handler:
    """The driver's side of the links; `ports.PeerHandler`."""

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver

    def on_message(self, message: Message) -> None:
        self._driver.guarded(self._driver.peering.step, message)
        self._driver.look()

    def on_group(self, sender: MemberId, term: int, number: int, group: bytes) -> None:
        self._driver.guarded(self._take_group, sender, term, number, group)

    def on_touches(self, sender: MemberId, term: int, touches: bytes) -> None:
        self._driver.guarded(self._driver.peering.take_touches, sender, term, touches)

    def on_fitness(self, sender: MemberId, term: int, unfit: str) -> None:
        self._driver.guarded(self._driver.peering.take_fitness, sender, term, unfit)

    def on_digest(self, sender: MemberId, index: int, zxid: int, digest: int) -> None:
        self._driver.guarded(self._driver.comparison.hear, sender, index, zxid, digest)

    def on_ask(self, sender: MemberId, number: int, body: bytes) -> None:
        door = self._driver.membership_door
        self._driver.guarded(door.on_ask, sender, number, body)

    def on_answer(self, sender: MemberId, number: int, error: int, config_index: int) -> None:
        door = self._driver.membership_door
        self._driver.guarded(door.on_answer, sender, number, error, config_index)
        self._driver.look()

    def on_link_up(self, member: MemberId) -> None:
        self._driver.guarded(self._driver.peering.link_up, member)
        self._driver.look()

    def on_link_lost(self, member: MemberId, *, reset: bool) -> None:
        def lost() -> None:
            self._driver.peering.link_lost(member, reset=reset)
            self._driver.membership_door.link_lost(member)

        self._run(lost)

    def on_snapshot(self, meta: SnapshotMeta | None) -> None:
        self._driver.guarded(self._driver.installer.on_snapshot, meta)
        self._driver.look()

    def _run(self, step: Callable[[], None]) -> None:
        self._driver.guarded(step)
        self._driver.look()

    def _take_group(self, sender: MemberId, term: int, number: int, group: bytes) -> None:
        if self._driver.peering.take_group(sender, term, number, group):
            self._driver.wake()
