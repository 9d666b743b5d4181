"""The members this node talks to: one link to each at most, made, replaced and missed.

Here it is decided which of two connections stays, when the driver is told, and who is dialed. What
goes over a link is in `link`; sockets are opened in `dialing` and `listener`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from raftkeeper.raft import BASE_LEVEL, Member
from raftkeeper.server.ensemble.ports import PeerHandler
from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.codec import CodecError
from raftkeeper.server.peers.conversation import Conversation, ConversationOver
from raftkeeper.server.peers.dialing import Dialer, DialFailed, dial
from raftkeeper.server.peers.figures import PeerFigures, PeerView
from raftkeeper.server.peers.handshake import (
    Cause,
    Hello,
    Purpose,
    Refusal,
    Self,
    Standing,
    decode_greeting,
    encode_hello,
    is_crossed,
    judge_acceptor,
    judge_dialer,
    protocol_of,
)
from raftkeeper.server.peers.link import Link, LinkContext, Loss
from raftkeeper.server.peers.listener import RefusalLog, judge_name
from raftkeeper.server.peers.tls import TlsContexts

log = get_logger(__name__)


@dataclass(slots=True)
class Neighbour:
    """One other member, or a guest: somebody of our cluster whom our membership does not know."""

    member: Member
    dialer: Dialer | None = None
    """None for a guest, and for a member without an address."""
    link: Link | None = None
    greeting: bool = False
    reset_told: bool = False
    links: int = 0
    trouble: str = ""


class Neighbours:
    """All of them. Calls the handler from the loop only, never from within a call of the driver."""

    def __init__(
        self,
        *,
        who: Self,
        handler: PeerHandler,
        tls: TlsContexts | None,
        figures: PeerFigures,
        refusals: RefusalLog,
        now_us: Callable[[], int],
        uniform: Callable[[float, float], float],
    ) -> None:
        self._who = who
        self._handler = handler
        self._tls = tls
        self._figures = figures
        self._refusals = refusals
        self._now_us = now_us
        self._uniform = uniform
        self._by_id: dict[int, Neighbour] = {}
        self._members: Mapping[int, Member] = {}
        self.level_in_use = BASE_LEVEL
        """As the membership says; who speaks less is refused."""
        self._gone = asyncio.Event()
        self.links: dict[int, Link] = {}
        """Those that are up: what the hot path looks into."""
        self._context = LinkContext(
            own_id=who.member_id,
            frame_bytes_max=who.frame_bytes_max,
            handler=handler,
            figures=figures,
            now_us=now_us,
            on_lost=self._on_lost,
        )

    # ---- who they are ----------------------------------------------------------------------------

    def set_members(self, members: Mapping[int, Member]) -> None:
        """Everyone to talk to, without us. Others are let go after what was said to them; a guest that
        turns out to have another disk than the membership names is cut off.
        """
        self._members = dict(members)
        for member_id, neighbour in tuple(self._by_id.items()):
            if member_id not in members:
                self._dismiss(neighbour)
        for member_id, member in members.items():
            self._invite(member_id, member)

    async def stop(self) -> None:
        """No more links; what was said last is still sent, within a bound."""
        self.set_members({})
        for link in self.links.values():
            link.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.CLOSE_TIMEOUT_S):
                while self.links:
                    self._gone.clear()
                    await self._gone.wait()
        for link in tuple(self.links.values()):
            link.abort()

    def address_of(self, member_id: int) -> str:
        """Where a member listens; a guest has told it itself. Empty when that is not known."""
        member = self._members.get(member_id)
        if member is not None:
            return member.address
        link = self.links.get(member_id)
        return link.hello.address if link is not None else ""

    def incarnation_of(self, member_id: int) -> bytes:
        """The disk it should have; empty when that is not known."""
        member = self._members.get(member_id)
        return member.incarnation if member else b""

    def views(self) -> Iterator[PeerView]:
        """How each is reached, by id."""
        now_us = self._now_us()
        for member_id, neighbour in sorted(self._by_id.items()):
            link = neighbour.link
            yield PeerView(
                member_id=member_id,
                address=neighbour.member.address,
                up=link is not None,
                dialed_by_us=link is not None and link.dialed_by_us,
                age_s=(now_us - link.made_us) / 1e6 if link else 0.0,
                silent_s=(now_us - link.received_us) / 1e6 if link else 0.0,
                software=link.hello.software if link else "",
                protocol=link.protocol if link else 0,
                feature_level=link.hello.feature_level if link else 0,
                unsent_bytes=link.unsent_bytes if link else 0,
                sent_bytes=link.sent_bytes if link else 0,
                received_bytes=link.received_bytes if link else 0,
                links=neighbour.links,
                trouble=neighbour.trouble,
            )

    def _invite(self, member_id: int, member: Member) -> None:
        neighbour = self._by_id.setdefault(member_id, Neighbour(member))
        moved = neighbour.member.address != member.address
        neighbour.member = member
        link = neighbour.link
        if link is not None and member.incarnation and link.hello.incarnation != member.incarnation:
            link.end("its disk is another than the membership names")
        if moved and neighbour.dialer is not None:
            neighbour.dialer.stop()
            neighbour.dialer = None
        if member.address and neighbour.dialer is None:

            async def attempt(number: int) -> None:
                await self._attempt(neighbour, number)

            neighbour.dialer = Dialer(attempt, self._uniform)
            if neighbour.link is not None:
                neighbour.dialer.linked()

    def _dismiss(self, neighbour: Neighbour) -> None:
        if neighbour.dialer is not None:
            neighbour.dialer.stop()
            neighbour.dialer = None
            if neighbour.link is not None:
                neighbour.link.leave()
        if neighbour.link is None:
            self._by_id.pop(neighbour.member.id, None)

    # ---- making links ----------------------------------------------------------------------------

    def judge(self, hello: Hello) -> Refusal | None:
        """Whether a link that was dialed by them may be made."""
        expected = self.incarnation_of(hello.member_id)
        refusal = judge_dialer(hello, self._who, expected, self.level_in_use)
        if refusal is not None:
            return refusal
        neighbour = self._by_id.get(hello.member_id)
        if neighbour is None:
            guests = self._by_id.keys() - self._members.keys()
            if len(guests) >= limits.GUESTS_MAX:
                return Refusal(Cause.BUSY, "too many members that are not known here; try later")
            return None
        link = neighbour.link
        standing = Standing(
            greeting=neighbour.greeting,
            linked=link is not None,
            dialed_by_us=link is not None and link.dialed_by_us,
            run=link.hello.run if link else 0,
            age_s=(self._now_us() - link.made_us) / 1e6 if link else 0.0,
        )
        if is_crossed(self._who.member_id, hello, standing):
            return Refusal(Cause.CROSSED, "the connection that was dialed from here is used")
        return None

    def establish(self, conversation: Conversation, hello: Hello, *, dialed_by_us: bool) -> None:
        """Makes a greeted connection the link to its member; one that was there before is lost."""
        assert conversation.transport is not None
        member_id = hello.member_id
        neighbour = self._by_id.setdefault(member_id, Neighbour(Member(member_id)))
        old = neighbour.link
        if old is not None:
            neighbour.link = None
            del self.links[member_id]
            old.end("replaced by a new connection")
            self._tell_lost(neighbour, reset=old.hello.run != hello.run)
        link = Link(self._context, conversation.transport, hello, dialed_by_us=dialed_by_us)
        rest = conversation.hand_over(link)
        neighbour.link = self.links[member_id] = link
        neighbour.links += 1
        neighbour.reset_told = False
        neighbour.trouble = ""
        if neighbour.dialer is not None:
            neighbour.dialer.linked()
        self._figures.links_made += 1
        self._refusals.over(_name(member_id, conversation))
        log.info(
            "peer.linked",
            member=member_id,
            peer=conversation.peer,
            dialed=dialed_by_us,
            software=hello.software,
            protocol=protocol_of(hello),
        )
        self._handler.on_link_up(member_id)
        if rest and not link.over:
            link.data_received(rest)

    async def _attempt(self, neighbour: Neighbour, number: int) -> None:
        member = neighbour.member
        try:
            conversation = await dial(member.address, self._tls, number)
        except DialFailed as error:
            self._figures.connects_failed += 1
            neighbour.trouble = str(error)
            if error.refused and not neighbour.reset_told:
                self._tell_lost(neighbour, reset=True)
            return
        made = False
        neighbour.greeting = True
        try:
            made = await self._greet(neighbour, member, conversation)
        except (ConversationOver, CodecError) as error:
            self._figures.connects_failed += 1
            neighbour.trouble = f"{member.address}: {error}"
        finally:
            neighbour.greeting = False
            if not made:
                conversation.abort()

    async def _greet(
        self, neighbour: Neighbour, member: Member, conversation: Conversation
    ) -> bool:
        """Whether the conversation has become the link."""
        refusal = judge_name(self._tls, conversation)
        by_us = refusal is not None
        if refusal is None:
            to = member.id, member.incarnation
            hello = Hello.of(self._who, Purpose.MESSAGES, *to, self.level_in_use)
            conversation.say(encode_hello(hello))
            body = await conversation.receive(limits.HELLO_BYTES_MAX, limits.HANDSHAKE_TIMEOUT_S)
            answer = decode_greeting(body)
            if member.incarnation != neighbour.member.incarnation:
                raise ConversationOver("the membership names another disk by now")
            if isinstance(answer, Hello):
                refusal = judge_acceptor(answer, hello)
                by_us = True
                if refusal is None:
                    # The cancellation of this attempt comes before, if they were faster.
                    self.establish(conversation, answer, dialed_by_us=True)
                    return True
            else:
                refusal = answer
        neighbour.trouble = refusal.reason
        self._refusals.note(_name(member.id, conversation), refusal, by_us=by_us)
        return False

    # ---- losing them -----------------------------------------------------------------------------

    def _on_lost(self, link: Link, loss: Loss) -> None:
        neighbour = self._by_id.get(link.member_id)
        if neighbour is None or neighbour.link is not link:
            return  # it was replaced before
        neighbour.link = None
        neighbour.trouble = loss.reason
        del self.links[link.member_id]
        self._gone.set()
        lived_s = (self._now_us() - link.made_us) / 1e6
        if neighbour.dialer is not None:
            neighbour.dialer.lost(lived_s)
        elif link.member_id not in self._members:
            del self._by_id[link.member_id]
        log.info("peer.lost", member=link.member_id, reset=loss.reset, reason=loss.reason)
        self._tell_lost(neighbour, reset=loss.reset)

    def _tell_lost(self, neighbour: Neighbour, *, reset: bool) -> None:
        neighbour.reset_told = neighbour.reset_told or reset
        self._figures.links_lost += 1
        self._handler.on_link_lost(neighbour.member.id, reset=reset)


def _name(member_id: int, conversation: Conversation) -> str:
    """The same words as the listener's, so that one that gets in clears what was said of it."""
    host, _, _ = conversation.peer.rpartition(":")
    return f"member {member_id} at {host}"
