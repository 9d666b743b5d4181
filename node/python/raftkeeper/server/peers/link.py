"""An established connection to one member: messages in, messages out, and bounds in both directions.

`send` and `data_received` are the hot path between members: one pass, nothing waits, one socket
write for all that is sent within a turn of the loop (uvloop gathers them). Raft's messages may be
dropped; groups of requests never are, silently: the link ends instead. It must not decide whether
there should be a link.
"""

import asyncio
import errno
from collections.abc import Callable
from dataclasses import dataclass

from raftkeeper.raft import Message
from raftkeeper.server.ensemble.ports import PeerHandler
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.codec import (
    Answer,
    Ask,
    CodecError,
    Digest,
    Fitness,
    Group,
    Touches,
    Word,
    decode,
    encode,
)
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.frames import FrameError, FrameReader, frame
from raftkeeper.server.peers.handshake import Hello, printable, protocol_of

_WORDS = (Group, Touches, Digest, Ask, Answer, Fitness)
_NOT_A_RESET = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
)


@dataclass(frozen=True, slots=True)
class Loss:
    """How a link ended."""

    reset: bool
    """By the other side, at once: its process is gone, or wants it so."""
    reason: str


@dataclass(frozen=True, slots=True)
class LinkContext:
    """What all links of a node share."""

    own_id: int
    frame_bytes_max: int
    handler: PeerHandler
    figures: PeerFigures
    now_us: Callable[[], int]
    on_lost: Callable[["Link", "Loss"], None]


class Link(asyncio.Protocol):
    """One connection after its handshake. `transport` takes no other writer."""

    __slots__ = (
        "_context",
        "_handler",
        "_own_id",
        "_reader",
        "_reason",
        "_transport",
        "_unsent",
        "_write",
        "dialed_by_us",
        "hello",
        "made_us",
        "member_id",
        "over",
        "received_bytes",
        "received_us",
        "sent_bytes",
    )

    def __init__(
        self,
        context: LinkContext,
        transport: asyncio.Transport,
        hello: Hello,
        *,
        dialed_by_us: bool,
    ) -> None:
        self.hello = hello
        self.member_id = hello.member_id
        self.dialed_by_us = dialed_by_us
        self.over = False
        self.made_us = self.received_us = context.now_us()
        self.sent_bytes = 0
        self.received_bytes = 0
        self._context = context
        self._handler = context.handler
        self._own_id = context.own_id
        self._reason = ""
        self._reader = FrameReader(context.frame_bytes_max)
        self._transport = transport
        self._write = transport.write
        self._unsent = transport.get_write_buffer_size

    # ---- the hot path ----------------------------------------------------------------------------

    def send(self, message: Message | Word) -> None:
        """At the end of this turn; dropped when too much is unsent already."""
        if self.over:
            return
        figures = self._context.figures
        if self._unsent() > limits.MESSAGE_QUEUE_BYTES_MAX:
            figures.messages_dropped += 1
            return
        body = encode(message)
        if len(body) > self.hello.frame_bytes_max:
            figures.frames_too_long += 1
            self.end(_too_long(body, self.hello))
            return
        self._write(frame(body))
        self.sent_bytes += len(body)
        figures.messages_sent += 1

    def send_group(self, group: Group) -> None:
        """In order with other groups, or the end of the link."""
        if self.over:
            return
        body = encode(group)
        if len(body) > self.hello.frame_bytes_max:
            self._context.figures.frames_too_long += 1
            self.end(_too_long(body, self.hello))
        elif self._unsent() + len(body) > limits.GROUP_QUEUE_BYTES_MAX:
            self._context.figures.links_reset_full += 1
            self.end("takes no more groups")
        else:
            self._write(frame(body))
            self.sent_bytes += len(body)
            self._context.figures.messages_sent += 1

    def data_received(self, data: bytes) -> None:
        """One socket read: everything that is whole in it goes to the handler, in order."""
        self.received_us = self._context.now_us()
        self.received_bytes += len(data)
        reader = self._reader
        reader.add(data)
        try:
            for body in reader.bodies():
                self._deliver(decode(body))
                if self.over:
                    return
        except (FrameError, CodecError) as error:
            self._context.figures.links_reset_garbage += 1
            self.end(str(error))

    def _deliver(self, message: Message | Word) -> None:
        self._context.figures.messages_received += 1
        if isinstance(message, _WORDS):
            self._deliver_word(message)
            return
        if message.sender != self.member_id or message.to != self._own_id:
            raise CodecError(
                f"a message from {message.sender} to {message.to} on the link of"
                f" {self.member_id} to {self._own_id}"
            )
        self._handler.on_message(message)

    def _deliver_word(self, word: Word) -> None:
        handler = self._handler
        match word:
            case Group(term, number, group):
                handler.on_group(self.member_id, term, number, group)
            case Touches(term, touches):
                handler.on_touches(self.member_id, term, touches)
            case Fitness(term, unfit):
                handler.on_fitness(self.member_id, term, printable(unfit))
            case Digest(index, zxid, digest):
                handler.on_digest(self.member_id, index, zxid, digest)
            case Ask(number, body):
                handler.on_ask(self.member_id, number, body)
            case Answer(number, error, config_index):
                handler.on_answer(self.member_id, number, error, config_index)

    # ---- its end ---------------------------------------------------------------------------------

    @property
    def protocol(self) -> int:
        """The version that both ends speak."""
        return protocol_of(self.hello) or 0

    @property
    def unsent_bytes(self) -> int:
        """What waits to go out."""
        return 0 if self.over else self._unsent()

    def end(self, reason: str) -> None:
        """Ends it at once; `on_lost` follows in a later turn."""
        if not self.over:
            self.over = True
            self._reason = reason
            self._transport.abort()

    def leave(self) -> None:
        """Ends it after what was sent; `on_lost` follows."""
        if not self.over:
            self.over = True
            self._reason = "not needed any more"
            self._transport.close()

    def abort(self) -> None:
        """Ends it at once, even if it is leaving already."""
        self.over = True
        self._transport.abort()

    def eof_received(self) -> None:
        """The other side ended it; the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone: by us when there is a reason, otherwise by them or the network."""
        by_us = bool(self._reason)
        self.over = True
        reason = self._reason or (str(exc) if exc else "closed by the other side")
        self._context.on_lost(self, Loss(not by_us and is_reset(exc), reason))


def is_reset(error: BaseException | None) -> bool:
    """Whether a connection ended because the other side's kernel said so, at once."""
    if error is None:
        return True
    return not (
        isinstance(error, TimeoutError)
        or (isinstance(error, OSError) and error.errno in _NOT_A_RESET)
    )


def _too_long(body: bytes, hello: Hello) -> str:
    return (
        f"a frame of {len(body)} bytes is longer than member {hello.member_id} takes"
        f" ({hello.frame_bytes_max}); set client.frame_bytes_max and storage.batch_bytes_max alike"
        " on all members"
    )
