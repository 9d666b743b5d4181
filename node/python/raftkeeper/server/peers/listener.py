"""The port on which other members come in: sockets are accepted, bounded, and greeted.

Everything until the hello is checked happens under one deadline and in a bounded number of tasks; a
stranger that sends garbage, or nothing, costs no more than that. What a greeted connection is then
used for is the business of `answer`.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial

from raftkeeper.server.logs import get_logger
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.codec import CodecError
from raftkeeper.server.peers.conversation import Conversation, ConversationOver, prepare
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.handshake import (
    Cause,
    Hello,
    Refusal,
    decode_greeting,
    encode_refusal,
)
from raftkeeper.server.peers.tls import TlsContexts

log = get_logger(__name__)

Answer = Callable[[Conversation, Hello], Refusal | None]
"""Takes the connection over, or says why not. Called once for each hello."""


class RefusalLog:
    """Says each cause once until it is over, so that a member that dials twice a second for a week
    does not fill the disk.
    """

    def __init__(self, figures: PeerFigures) -> None:
        self._figures = figures
        self._said: set[tuple[str, Cause]] = set()

    def note(self, who: str, refusal: Refusal, *, by_us: bool) -> None:
        """Somebody was refused."""
        self._figures.refusals[refusal.cause.value] += 1
        key = (who, refusal.cause)
        if not refusal.cause.is_trouble or key in self._said:
            return
        if len(self._said) >= limits.CAUSES_KEPT:
            self._said.clear()
        self._said.add(key)
        event = "peer.refused" if by_us else "peer.refused_us"
        log.warning(event, peer=who, cause=refusal.cause.value, reason=refusal.reason)

    def over(self, who: str) -> None:
        """They got in: the next refusal is news again."""
        self._said = {key for key in self._said if key[0] != who}


class Listener:
    """Accepts until it is stopped."""

    def __init__(
        self,
        sock: socket.socket,
        tls: TlsContexts | None,
        answer: Answer,
        figures: PeerFigures,
        refusals: RefusalLog,
    ) -> None:
        sock.listen(limits.ACCEPT_BACKLOG)
        sock.setblocking(False)
        self._sock = sock
        self._tls = tls
        self._answer = answer
        self._figures = figures
        self._refusals = refusals
        self._greetings: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._accept())

    async def stop(self) -> None:
        """Nobody comes in any more; who is in the door is sent away."""
        tasks = {self._task, *self._greetings}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=limits.CLOSE_TIMEOUT_S)
        self._sock.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(self._sock)
            except OSError as error:
                log.error("peer.accept_failed", reason=str(error), retry_s=limits.ACCEPT_RETRY_S)
                await asyncio.sleep(limits.ACCEPT_RETRY_S)
                continue
            if len(self._greetings) >= limits.HANDSHAKES_MAX:
                self._figures.handshakes_overflowed += 1
                sock.close()
                continue
            task = loop.create_task(self._greet(sock))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)
            # A task that is cancelled before its first step cannot close anything itself.
            task.add_done_callback(partial(_close_if_cancelled, sock))

    async def _greet(self, sock: socket.socket) -> None:
        conversation: Conversation | None = None
        try:
            prepare(sock)
            async with asyncio.timeout(limits.HANDSHAKE_TIMEOUT_S):
                conversation = await self._open(sock)
                body = await conversation.receive(
                    limits.HELLO_BYTES_MAX, limits.HANDSHAKE_TIMEOUT_S
                )
            self._judge(conversation, decode_greeting(body))
        except (OSError, ssl.SSLError, ConversationOver, CodecError) as error:
            # Anything may knock at an open port; it is counted, and logged for who looks for it.
            self._figures.handshakes_failed += 1
            log.debug("peer.handshake_failed", reason=str(error))
            _abort(conversation, sock)
        except asyncio.CancelledError:
            _abort(conversation, sock)
            raise
        except Exception as error:  # the top frame of a task: a bug must not close the port
            log.critical("peer.listener_broken", exc_info=error)
            _abort(conversation, sock)

    async def _open(self, sock: socket.socket) -> Conversation:
        loop = asyncio.get_running_loop()
        # Made here: with TLS uvloop hands back its own protocol and not the one that was asked for.
        conversation = Conversation()
        if self._tls is None:
            await loop.connect_accepted_socket(lambda: conversation, sock)
        else:
            await loop.connect_accepted_socket(
                lambda: conversation,
                sock,
                ssl=self._tls.server(),
                ssl_handshake_timeout=limits.HANDSHAKE_TIMEOUT_S,
            )
        return conversation

    def _judge(self, conversation: Conversation, hello: Hello | Refusal) -> None:
        if isinstance(hello, Refusal):
            raise CodecError("a refusal where a hello should be")
        refusal = self._wrong_name(conversation) or self._answer(conversation, hello)
        if refusal is None:
            return
        host = conversation.peer.rpartition(":")[0]
        self._refusals.note(f"member {hello.member_id} at {host}", refusal, by_us=True)
        conversation.say(encode_refusal(refusal))
        conversation.close()

    def _wrong_name(self, conversation: Conversation) -> Refusal | None:
        return judge_name(self._tls, conversation)


def judge_name(tls: TlsContexts | None, conversation: Conversation) -> Refusal | None:
    """Whether the certificate at the other end is a member's."""
    if tls is None or conversation.transport is None:
        return None
    tls_object = conversation.transport.get_extra_info("ssl_object")
    wrong = tls.wrong_name(tls_object.getpeercert() if tls_object else None)
    if not wrong:
        return None
    return Refusal(Cause.NAME, f"{wrong}, which peer.tls_names does not allow")


def _close_if_cancelled(sock: socket.socket, task: "asyncio.Task[None]") -> None:
    if task.cancelled():
        sock.close()


def _abort(conversation: Conversation | None, sock: socket.socket) -> None:
    if conversation is None:
        sock.close()
    else:
        conversation.abort()
