"""All that a node says to other members and hears from them: what the driver and `app` see of it.

Its life: `start` on the bound port; then `wait` while the node belongs to no ensemble, or `serve`
when it does; `stop`. Before that everybody who comes is told that nothing is ready. It implements
`ensemble.ports.PeerLinks`.

One connection for each pair of members, dialed by whichever is first, and not one for each
direction: a member whose membership is older than the caller's, or that has just been added, can
answer without knowing an address; acknowledgements travel with the replies; and a link is there or
is not, for both at once. Crossing dials cost a rule (`handshake.is_crossed`).
"""

import asyncio
import random
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from raftkeeper.raft import BASE_LEVEL, Member, MemberId, Message
from raftkeeper.server.clock import Clock
from raftkeeper.server.ensemble.ports import PeerHandler
from raftkeeper.server.feature_level import FEATURE_LEVEL
from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.codec import (
    Answer,
    Ask,
    CodecError,
    Digest,
    Fitness,
    Group,
    Touches,
)
from raftkeeper.server.peers.conversation import Conversation, ConversationOver
from raftkeeper.server.peers.dialing import DialFailed, dial
from raftkeeper.server.peers.figures import PeerFigures, PeerView
from raftkeeper.server.peers.handshake import (
    NO_CLUSTER,
    NO_MEMBER,
    Cause,
    Hello,
    Purpose,
    Refusal,
    Self,
    adopts,
    decode_greeting,
    encode_hello,
    judge_dialer,
    judge_level,
)
from raftkeeper.server.peers.listener import Listener, RefusalLog, judge_name
from raftkeeper.server.peers.neighbours import Neighbours
from raftkeeper.server.peers.snapshot_fetch import SnapshotFetcher, SnapshotNotYet
from raftkeeper.server.peers.snapshot_server import Snapshots, SnapshotServer
from raftkeeper.server.peers.tls import TlsContexts, TlsSettings
from raftkeeper.storage import Identity

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """What an operator may set, as `app` hands it over."""

    frame_bytes_max: int = limits.FRAME_BYTES_MAX
    """At least the longest log entry and a MiB; the same on all members."""
    snapshot_bytes_per_s: int = 0
    """Of all snapshots that this node sends; 0 for no bound."""
    tls: TlsSettings | None = None
    address: str = ""
    """Where the others reach this node, host:port."""
    software: str = ""
    """Name and version of this release, for people."""
    zone: str = ""
    priority: int = 1
    """Of this node, for the membership that takes it in."""
    feature_level: int = FEATURE_LEVEL


@dataclass(frozen=True, slots=True)
class Survey:
    """Who listens at an address. A node that waits has member id 0 and a cluster id of zeros."""

    cluster_id: bytes
    member_id: int
    incarnation: bytes
    software: str
    feature_level: int
    zone: str = ""
    priority: int = 1


class PeerTransport:
    """The links of one node. All calls and callbacks on the loop's thread."""

    def __init__(
        self,
        settings: PeerSettings,
        *,
        clock: Clock,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.figures = PeerFigures()
        self._settings = settings
        self._clock = clock
        self._uniform = uniform
        self._tls = TlsContexts(settings.tls) if settings.tls else None
        self._refusals = RefusalLog(self.figures)
        self._run = secrets.randbits(63)
        self._who: Self | None = None
        self._on_adopted: Callable[[bytes, int], None] | None = None
        self._listener: Listener | None = None
        self._neighbours: Neighbours | None = None
        self._server: SnapshotServer | None = None
        self._fetcher: SnapshotFetcher | None = None
        self._why_no_snapshot: Callable[[], str] = lambda: ""

    # ---- life ------------------------------------------------------------------------------------

    async def start(self, sock: socket.socket) -> None:
        """Listens on this bound socket."""
        self._listener = Listener(sock, self._tls, self._answer, self.figures, self._refusals)

    def wait(self, incarnation: bytes, on_adopted: Callable[[bytes, int], None]) -> None:
        """This node belongs to no ensemble; it may be adopted, once, by a member of one."""
        self._who = self._self(NO_CLUSTER, NO_MEMBER, incarnation)
        self._on_adopted = on_adopted

    def serve(
        self,
        identity: Identity,
        handler: PeerHandler,
        snapshots: Snapshots,
        on_missing: Callable[[], object] = lambda: None,
        why_no_snapshot: Callable[[], str] = lambda: "",
    ) -> None:
        """From here on there are links; first to those that `set_members` names.

        `on_missing` is told when somebody asks for a snapshot that is not there: one should be
        taken, because whoever asked will ask again. `why_no_snapshot`: why none is to be sent now, ''
        when they may be.
        """
        self._why_no_snapshot = why_no_snapshot
        who = self._self(identity.cluster_id, identity.member_id, identity.incarnation)
        self._who, self._on_adopted = who, None
        self._neighbours = Neighbours(
            who=who,
            handler=handler,
            tls=self._tls,
            figures=self.figures,
            refusals=self._refusals,
            now_us=self._clock.now_us,
            uniform=self._uniform,
        )
        self._server = SnapshotServer(
            snapshots,
            bytes_per_s=self._settings.snapshot_bytes_per_s,
            figures=self.figures,
            now_us=self._clock.now_us,
            on_missing=on_missing,
        )
        self._fetcher = SnapshotFetcher(
            snapshots, self._connect_for_snapshot, handler.on_snapshot, self.figures
        )

    async def stop(self) -> None:
        """Ends everything; what was said last is still sent, within a bound."""
        if self._listener is not None:
            await self._listener.stop()
        if self._fetcher is not None:
            await self._fetcher.stop()
        if self._server is not None:
            await self._server.stop()
        if self._neighbours is not None:
            await self._neighbours.stop()

    # ---- what the driver calls -------------------------------------------------------------------

    def set_members(self, members: Mapping[MemberId, Member], level: int) -> None:
        """Everyone to talk to, without this member; and the feature level in use."""
        if self._neighbours is not None:
            self._neighbours.level_in_use = level
            self._neighbours.set_members(members)

    def is_up(self, member: MemberId) -> bool:
        """Whether there is a link, which always carries both directions."""
        return self._neighbours is not None and member in self._neighbours.links

    def level_of(self, member: MemberId) -> int:
        """As it said when the link was made; 0 while there is none."""
        link = self._neighbours and self._neighbours.links.get(member)
        return link.hello.feature_level if link else 0

    def send(self, message: Message) -> None:
        """To `message.to`; may be lost."""
        link = self._neighbours and self._neighbours.links.get(message.to)
        if link:
            link.send(message)
        else:
            self.figures.messages_unlinked += 1

    def send_group(self, to: MemberId, term: int, number: int, group: bytes) -> None:
        """In order, or the link ends."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link:
            link.send_group(Group(term, number, group))
        else:
            self.figures.messages_unlinked += 1

    def send_touches(self, to: MemberId, term: int, touches: bytes) -> None:
        """May be lost."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link:
            link.send(Touches(term, touches))

    def send_fitness(self, to: MemberId, term: int, unfit: str) -> None:
        """May be lost; a member of the release before would not know what it is."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link and link.protocol >= limits.FITNESS_PROTOCOL:
            link.send(Fitness(term, unfit))

    def send_digest(self, to: MemberId, index: int, zxid: int, digest: int) -> None:
        """May be lost."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link:
            link.send(Digest(index, zxid, digest))

    def send_ask(self, to: MemberId, number: int, body: bytes) -> None:
        """May be lost."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link:
            link.send(Ask(number, body))

    def send_answer(self, to: MemberId, number: int, error: int, config_index: int) -> None:
        """May be lost."""
        link = self._neighbours and self._neighbours.links.get(to)
        if link:
            link.send(Answer(number, error, config_index))

    def fetch_snapshot(self, sender: MemberId, covers_index: int) -> None:
        """In the background; ends with exactly one `on_snapshot`."""
        if self._fetcher is not None:
            self._fetcher.start(sender, covers_index)

    def cancel_fetch(self) -> None:
        """Then none comes."""
        if self._fetcher is not None:
            self._fetcher.cancel()

    def drop(self, member: MemberId, reason: str) -> None:
        """Ends a link that brought what cannot be."""
        link = self._neighbours and self._neighbours.links.get(member)
        if link:
            self.figures.links_reset_garbage += 1
            link.end(reason)

    # ---- what people see -------------------------------------------------------------------------

    def views(self) -> tuple[PeerView, ...]:
        """How each other member is reached."""
        return tuple(self._neighbours.views()) if self._neighbours is not None else ()

    async def survey(self, address: str, timeout_s: float) -> Survey | None:
        """Who is at an address, member of ours or not; None when nobody answers."""
        who = self._who or self._self(NO_CLUSTER, NO_MEMBER, NO_CLUSTER)
        try:
            async with asyncio.timeout(timeout_s):
                conversation, answer = await self._greet(address, Hello.of(who, Purpose.SURVEY), 0)
        except (DialFailed, ConversationOver, CodecError, TimeoutError) as error:
            log.debug("peer.survey_failed", address=address, reason=str(error))
            return None
        conversation.abort()
        if isinstance(answer, Refusal):
            return None
        return Survey(
            answer.cluster_id,
            answer.member_id,
            answer.incarnation,
            answer.software,
            answer.feature_level,
            answer.zone,
            answer.priority,
        )

    # ---- those who come in -----------------------------------------------------------------------

    def _answer(self, conversation: Conversation, hello: Hello) -> Refusal | None:
        who = self._who
        if who is None:
            return Refusal(Cause.NOT_READY, "this node is starting")
        if hello.purpose is Purpose.SURVEY:
            conversation.say(encode_hello(Hello.of(who, Purpose.SURVEY)))
            conversation.close()
            return None
        neighbours, server = self._neighbours, self._server
        if neighbours is None or server is None:
            return self._answer_waiting(who, hello)
        in_use = neighbours.level_in_use
        welcome = Hello.of(who, hello.purpose, hello.member_id, hello.incarnation, in_use)
        if hello.purpose is Purpose.SNAPSHOT:
            expected = neighbours.incarnation_of(hello.member_id)
            refusal = judge_dialer(hello, who, expected, in_use)
            if refusal is None and server.is_busy:
                refusal = Refusal(Cause.BUSY, "enough snapshots are being sent; try again")
            if refusal is None and (reason := self._why_no_snapshot()):
                refusal = Refusal(Cause.BUSY, reason)
            if refusal is None:
                conversation.say(encode_hello(welcome))
                server.serve(conversation, hello.member_id)
            return refusal
        refusal = neighbours.judge(hello)
        if refusal is None:
            conversation.say(encode_hello(welcome))
            neighbours.establish(conversation, hello, dialed_by_us=False)
        return refusal

    def _answer_waiting(self, who: Self, hello: Hello) -> Refusal:
        on_adopted = self._on_adopted
        if on_adopted is None:
            return Refusal(Cause.NOT_READY, "this node becomes a member just now")
        if not adopts(hello, who.incarnation):
            return Refusal(
                Cause.WAITING,
                f"this node waits to be added, as incarnation {who.incarnation.hex()}:"
                " raftkeeper admin add-learner",
            )
        other = judge_level(hello, NO_MEMBER, who.feature_level, BASE_LEVEL)
        if other is not None:
            return other
        self._on_adopted = None
        log.info("peer.adopted", cluster=hello.cluster_id.hex(), member=hello.to_member)
        on_adopted(hello.cluster_id, hello.to_member)
        return Refusal(Cause.ADOPTED, "this node becomes a member now; dial again")

    # ---- those we go to --------------------------------------------------------------------------

    async def _greet(
        self, address: str, hello: Hello, attempt: int
    ) -> tuple[Conversation, Hello | Refusal]:
        conversation = await dial(address, self._tls, attempt)
        try:
            refusal = judge_name(self._tls, conversation)
            if refusal is not None:
                return conversation, refusal
            conversation.say(encode_hello(hello))
            body = await conversation.receive(limits.HELLO_BYTES_MAX, limits.HANDSHAKE_TIMEOUT_S)
            return conversation, decode_greeting(body)
        except BaseException:
            conversation.abort()
            raise

    async def _connect_for_snapshot(self, member: MemberId, attempt: int) -> Conversation:
        neighbours, who = self._neighbours, self._who
        assert neighbours is not None
        assert who is not None
        address = neighbours.address_of(member)
        if not address:
            raise DialFailed(f"the address of member {member} is not known")
        incarnation = neighbours.incarnation_of(member)
        in_use = neighbours.level_in_use
        hello = Hello.of(who, Purpose.SNAPSHOT, member, incarnation, in_use)
        conversation, answer = await self._greet(address, hello, attempt)
        if isinstance(answer, Refusal):
            conversation.abort()
            if answer.cause is Cause.BUSY:
                raise SnapshotNotYet(answer.reason)
            raise ConversationOver(answer.reason)
        return conversation

    def _self(self, cluster_id: bytes, member_id: int, incarnation: bytes) -> Self:
        return Self(
            cluster_id=cluster_id,
            member_id=member_id,
            incarnation=incarnation,
            run=self._run,
            address=self._settings.address,
            software=self._settings.software,
            frame_bytes_max=self._settings.frame_bytes_max,
            zone=self._settings.zone,
            priority=self._settings.priority,
            feature_level=self._settings.feature_level,
        )
