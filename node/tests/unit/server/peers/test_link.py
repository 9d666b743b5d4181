"""A link: what it lets in, what it drops, and when it ends instead."""

from typing import Any

import pytest
from tests.unit.server.fakes import FakeTransport

from raftkeeper.raft.messages import Heartbeat
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.codec import (
    Answer,
    Ask,
    Digest,
    Fitness,
    Group,
    Touches,
    encode,
)
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.frames import FrameReader, frame
from raftkeeper.server.peers.handshake import Hello, Purpose, Self
from raftkeeper.server.peers.link import Link, LinkContext, Loss

PEER = Self(b"c" * 16, 2, b"2" * 16, 7, "host:1", "test", 4096)


class Handler:
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))


class Wired:
    """A link on a transport that writes nowhere."""

    def __init__(self) -> None:
        self.handler: Any = Handler()
        self.figures = PeerFigures()
        self.losses: list[Loss] = []
        self.transport = FakeTransport()
        context = LinkContext(
            own_id=1,
            frame_bytes_max=1 << 20,
            handler=self.handler,
            figures=self.figures,
            now_us=lambda: 5,
            on_lost=lambda _link, loss: self.losses.append(loss),
        )
        hello = Hello.of(PEER, Purpose.MESSAGES, 1)
        self.link = Link(context, self.transport, hello, dialed_by_us=True)

    def sent(self) -> list[bytes]:
        reader = FrameReader(1 << 20)
        reader.add(self.transport.sent)
        return reader.bodies()


@pytest.fixture
def wired() -> Wired:
    return Wired()


def test_everything_in_one_read_is_handed_on_in_order(wired: Wired) -> None:
    """Messages and words keep the order in which they were sent."""
    beat = Heartbeat(2, 1, 3, 4, 5)
    said = [Group(3, 1, b"g"), beat, Touches(3, b"t"), Digest(7, 8, 9), Group(3, 2, b"h")]
    said += [Ask(1, b"r"), Answer(1, 14, 5), Fitness(3, "no\nspace")]
    wired.link.data_received(b"".join(frame(encode(message)) for message in said))
    assert wired.handler.calls == [
        ("on_group", 2, 3, 1, b"g"),
        ("on_message", beat),
        ("on_touches", 2, 3, b"t"),
        ("on_digest", 2, 7, 8, 9),
        ("on_group", 2, 3, 2, b"h"),
        ("on_ask", 2, 1, b"r"),
        ("on_answer", 2, 1, 14, 5),
        ("on_fitness", 2, 3, "no?space"),
    ]


@pytest.mark.parametrize("beat", [Heartbeat(3, 1, 3, 4, 5), Heartbeat(2, 3, 3, 4, 5)])
def test_nobody_speaks_for_another_member(wired: Wired, beat: Heartbeat) -> None:
    """A message that names another sender or receiver ends the link unheard."""
    wired.link.data_received(frame(encode(beat)))
    assert wired.handler.calls == []
    assert wired.transport.aborted
    assert wired.figures.links_reset_garbage == 1


@pytest.mark.parametrize(
    "data", [b"\xff" * 20, frame(b"\xc1"), frame(encode(Digest(1, 2, 3)))[:-1] + b"!"]
)
def test_garbage_ends_the_link_and_nothing_else(wired: Wired, data: bytes) -> None:
    """Too long, no msgpack, a wrong checksum: the link ends, no exception gets out."""
    wired.link.data_received(data)
    assert wired.transport.aborted
    assert wired.handler.calls == []


def test_nothing_is_heard_after_the_handler_has_ended_the_link(wired: Wired) -> None:
    """What stands behind a malformed group in the same read is not taken."""
    wired.handler.__dict__["on_group"] = lambda *_: wired.link.end("malformed")
    wired.link.data_received(frame(encode(Group(1, 1, b""))) + frame(encode(Digest(1, 2, 3))))
    assert wired.handler.calls == []


def test_messages_are_dropped_and_counted_when_the_queue_is_full(wired: Wired) -> None:
    """Raft sends again what matters; the link stays."""
    wired.transport.unsent = limits.MESSAGE_QUEUE_BYTES_MAX + 1
    wired.link.send(Heartbeat(1, 2, 3, 4, 5))
    assert wired.sent() == []
    assert wired.figures.messages_dropped == 1
    assert not wired.transport.aborted


def test_a_full_queue_ends_the_link_rather_than_leave_out_a_group(wired: Wired) -> None:
    """A later group must never arrive without the earlier one."""
    wired.transport.unsent = limits.GROUP_QUEUE_BYTES_MAX
    wired.link.send_group(Group(1, 1, b"g"))
    wired.transport.unsent = 0
    wired.link.send_group(Group(1, 2, b"h"))
    assert wired.sent() == []
    assert wired.transport.aborted
    assert wired.figures.links_reset_full == 1


@pytest.mark.parametrize("message", [Touches(1, b"x" * 5000), Group(1, 1, b"x" * 5000)])
def test_a_frame_that_the_receiver_refuses_is_not_sent(wired: Wired, message: Any) -> None:
    """Its bound was told in the handshake; the reason names the settings."""
    (wired.link.send_group if isinstance(message, Group) else wired.link.send)(message)
    wired.link.connection_lost(None)
    assert wired.sent() == []
    assert "client.frame_bytes_max" in wired.losses[0].reason


@pytest.mark.parametrize(
    ("error", "reset"),
    [
        (None, True),
        (ConnectionResetError(104, "reset"), True),
        (BrokenPipeError(32, "pipe"), True),
        (TimeoutError(110, "timed out"), False),
        (OSError(113, "no route"), False),
    ],
)
def test_a_loss_says_whether_the_process_is_gone(
    wired: Wired, error: Exception | None, reset: bool
) -> None:
    """A reset or an end is the other kernel's word; silence is not."""
    wired.link.connection_lost(error)
    assert wired.losses == [Loss(reset, str(error) if error else "closed by the other side")]


def test_an_end_by_us_is_no_reset(wired: Wired) -> None:
    """The driver must not take it for the death of a leader."""
    wired.link.end("enough")
    wired.link.connection_lost(ConnectionResetError())
    assert wired.losses == [Loss(reset=False, reason="enough")]
