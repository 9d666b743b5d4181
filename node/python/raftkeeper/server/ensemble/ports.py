"""What the driver needs of the world, as protocols: loop, links to the others, clients, snapshots.

The node hands in asyncio, TCP and the disk; the simulator its twins. Nothing behind a port may
block the caller, and everything that calls back does so on the loop's thread.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from raftkeeper.raft import Member, MemberId, Message
from raftkeeper.storage import SnapshotMeta, Verdict

Draw = Callable[[int, int], int]
"""A random whole number from the first to the second, both possible."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> object:
        """It does not come any more."""


class Loop(Protocol):
    """The two calls of an event loop that are needed. asyncio's fits."""

    def call_soon(self, callback: Callable[..., object], *args: object) -> object:
        """In the next turn."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> Timer:
        """After so many seconds."""


class ClientSocket(Protocol):
    """One client's connection, as the engine's actions need it."""

    def close(self, reason: str) -> None:
        """After what is written."""

    def abort(self, reason: str) -> None:
        """At once."""

    def hold(self) -> None:
        """Read nothing more of it."""

    def release(self) -> None:
        """Read it again."""


class ClientSockets(Protocol):
    """All of them, by the engine's connection id."""

    @property
    def writes(self) -> Mapping[int, Callable[[bytes], None]]:
        """How to write to each."""

    @property
    def by_conn(self) -> Mapping[int, ClientSocket]:
        """Those that are not gone yet."""

    def abort_all(self) -> None:
        """Closes all at once; each is gone a little later."""


class Snapshots(Protocol):
    """The snapshots on this member's disk."""

    def read(self, meta: SnapshotMeta) -> Iterator[bytes]:
        """The engine's pieces of one, in order."""

    def keep_only(
        self, meta: SnapshotMeta, on_done: Callable[[BaseException | None], None]
    ) -> None:
        """Removes all others, in the background: they hold a state that is not the ensemble's. Ends
        with one `on_done`, and what went wrong.
        """


class OwnVerdicts(Protocol):
    """What this member knows against its own state, on its disk."""

    @property
    def diverged(self) -> Verdict | None:
        """Why the state is wrong and who has the right one; None when it is not known to be."""

    def mark_diverged(self, verdict: Verdict) -> None:
        """Durable on return; StorageFull where there is no room for it now."""

    def mark_healed(self) -> None:
        """The state on this disk is right again."""


class PeerLinks(Protocol):
    """The connections to the other members. What cannot be sent is dropped, but for groups."""

    def set_members(self, members: Mapping[MemberId, Member], level: int) -> None:
        """Everyone to talk to, without this member. New ones are dialled, others dropped. Who speaks
        less than the feature level in use is refused from now on.
        """

    def is_up(self, member: MemberId) -> bool:
        """Whether there is a link in both directions."""

    def level_of(self, member: MemberId) -> int:
        """The feature level of the member's release, 0 while there is no link."""

    def send(self, message: Message) -> None:
        """To `message.to`; may be lost."""

    def send_group(self, to: MemberId, term: int, number: int, group: bytes) -> None:
        """In order with the others on this link. A link that cannot take one ends, instead of
        leaving it out; when there is one again, all unsettled groups are sent again.
        """

    def send_touches(self, to: MemberId, term: int, touches: bytes) -> None:
        """May be lost."""

    def send_fitness(self, to: MemberId, term: int, unfit: str) -> None:
        """Why this member should not lead, '' when it may, for the leader of `term`. May be lost."""

    def send_digest(self, to: MemberId, index: int, zxid: int, digest: int) -> None:
        """May be lost."""

    def send_ask(self, to: MemberId, number: int, body: bytes) -> None:
        """A client's change of the membership, for the leader; may be lost."""

    def send_answer(self, to: MemberId, number: int, error: int, config_index: int) -> None:
        """To the one that asked; may be lost."""

    def fetch_snapshot(self, sender: MemberId, covers_index: int) -> None:
        """In the background; ends with exactly one `on_snapshot`."""

    def cancel_fetch(self) -> None:
        """Then none comes."""

    def drop(self, member: MemberId, reason: str) -> None:
        """Ends a link that brought what cannot be; it is dialled again after a while."""


class PeerHandler(Protocol):
    """What the links call back."""

    def on_message(self, message: Message) -> None:
        """From the authenticated member that it names."""

    def on_group(self, sender: MemberId, term: int, number: int, group: bytes) -> None:
        """A follower's requests."""

    def on_touches(self, sender: MemberId, term: int, touches: bytes) -> None:
        """Sessions that a follower has heard of."""

    def on_fitness(self, sender: MemberId, term: int, unfit: str) -> None:
        """Why a follower should not lead, '' when it may."""

    def on_digest(self, sender: MemberId, index: int, zxid: int, digest: int) -> None:
        """The state of a member at an index."""

    def on_ask(self, sender: MemberId, number: int, body: bytes) -> None:
        """A change of the membership that a client of another member asks for."""

    def on_answer(self, sender: MemberId, number: int, error: int, config_index: int) -> None:
        """What became of one that was asked of the leader."""

    def on_link_up(self, member: MemberId) -> None:
        """A new link, which carries nothing of an earlier one."""

    def on_link_lost(self, member: MemberId, *, reset: bool) -> None:
        """`reset`: by the other side, so its process is gone. Otherwise nothing was heard."""

    def on_snapshot(self, meta: SnapshotMeta | None) -> None:
        """The one that was fetched, verified and durable; None when it was given up."""


class NoLinks:
    """A node that is alone, and talks to nobody."""

    def set_members(self, members: Mapping[MemberId, Member], level: int) -> None:
        """There are none."""

    def is_up(self, member: MemberId) -> bool:
        return False

    def level_of(self, member: MemberId) -> int:
        return 0

    def send(self, message: Message) -> None:
        """Lost."""

    def send_group(self, to: MemberId, term: int, number: int, group: bytes) -> None:
        """Lost."""

    def send_touches(self, to: MemberId, term: int, touches: bytes) -> None:
        """Lost."""

    def send_fitness(self, to: MemberId, term: int, unfit: str) -> None:
        """Lost."""

    def send_digest(self, to: MemberId, index: int, zxid: int, digest: int) -> None:
        """Lost."""

    def send_ask(self, to: MemberId, number: int, body: bytes) -> None:
        """Lost."""

    def send_answer(self, to: MemberId, number: int, error: int, config_index: int) -> None:
        """Lost."""

    def fetch_snapshot(self, sender: MemberId, covers_index: int) -> None:
        """Never asked for: nobody offers one."""

    def cancel_fetch(self) -> None:
        """Nothing is under way."""

    def drop(self, member: MemberId, reason: str) -> None:
        """There is none."""
