"""Links between members over real sockets: made, replaced, lost, made again; strangers kept out."""

import asyncio
import random
import signal
import socket
import subprocess
import sys
import textwrap

import pytest
from tests.integration.peer_nodes import CLUSTER, Node, disk, linked_pair, on_uvloop, stop, until

from raftkeeper.raft import Entry
from raftkeeper.raft.messages import Append, Heartbeat
from raftkeeper.server.peers import limits
from raftkeeper.server.peers.frames import frame
from raftkeeper.testing.tcp_proxy import TcpProxy


@on_uvloop
async def test_messages_pass_both_ways_on_one_connection() -> None:
    """Whoever has dialed, both send and hear."""
    async with linked_pair() as (one, two):
        append = Append(1, 2, 3, 4, 3, (Entry(5, 3, 2, b"payload"),), 4, 9)
        beat = Heartbeat(2, 1, 3, 4, 5)
        one.transport.send(append)
        two.transport.send(beat)
        two.transport.send_group(1, 3, 1, b"group")
        two.transport.send_touches(1, 3, b"touches")
        two.transport.send_digest(1, 5, 6, (1 << 64) - 1)
        await until(lambda: len(one.heard) == 4 and two.heard)
        assert two.heard == [append]
        assert one.heard == [
            beat,
            (2, 3, 1, b"group"),
            (2, 3, b"touches"),
            (2, 5, 6, (1 << 64) - 1),
        ]
        (view,) = one.transport.views()
        (back,) = two.transport.views()
        assert view.dialed_by_us is not back.dialed_by_us


@on_uvloop
async def test_what_the_release_before_does_not_know_is_not_said_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A word that it cannot read would end the link. Between two of this release it gets there."""
    async with linked_pair() as (one, two):
        two.transport.send_fitness(1, 3, "no space")
        await until(lambda: one.heard)
        assert one.heard == [(2, 3, "no space")]
    monkeypatch.setattr(limits, "PROTOCOL_MAX", limits.FITNESS_PROTOCOL - 1)
    async with linked_pair() as (one, two):
        two.transport.send_fitness(1, 3, "no space")
        two.transport.send_digest(1, 5, 6, 7)
        await until(lambda: one.heard)
        assert one.heard == [(2, 5, 6, 7)]


@on_uvloop
async def test_dials_that_cross_end_in_one_link() -> None:
    """At whatever moment both dial, one connection stays, and nobody hears of a loss."""
    chance = random.Random(4)
    for _ in range(25):
        one, two = await Node(1).serve(), await Node(2).serve()

        async def meet(node: Node, other: Node) -> None:
            await asyncio.sleep(chance.uniform(0, 0.002))
            node.knows(other)

        await asyncio.gather(meet(one, two), meet(two, one))
        await until(lambda one=one, two=two: one.is_up(two) and two.is_up(one))
        one.transport.send_group(2, 1, 1, b"there")
        two.transport.send_group(1, 1, 1, b"back")
        await until(lambda one=one, two=two: one.heard and two.heard)
        assert (one.events, two.events) == ([("up", 2)], [("up", 1)])
        await stop(one, two)


@on_uvloop
async def test_a_member_whose_membership_is_old_answers_the_new_leader() -> None:
    """It knows neither the caller nor its address, and the reply finds its way all the same."""
    old, new = await Node(1).serve(), await Node(9).serve()
    new.knows(old)
    await until(lambda: old.is_up(new))
    old.transport.send(Heartbeat(1, 9, 1, 1, 1))
    await until(lambda: new.heard)
    await stop(old, new)


@on_uvloop
async def test_a_leaving_process_is_noticed_at_once() -> None:
    """The link's end is told as a reset, once, though redials are refused again and again."""
    async with linked_pair() as (one, two):
        await two.transport.stop()
        await until(lambda: one.events[1:])
        await until(lambda: one.transport.figures.connects_failed >= 3)
        assert one.events == [("up", 2), ("lost", 2, "reset")]


@on_uvloop
async def test_a_member_that_is_back_is_linked_again() -> None:
    """Under its old address; the new link carries nothing of the old."""
    async with linked_pair() as (one, two):
        await two.transport.stop()
        await until(lambda: one.events[1:])
        again = await Node(2, port=two.port).serve()
        await until(lambda: one.is_up(again))
        one.transport.send(Heartbeat(1, 2, 1, 1, 1))
        await until(lambda: again.heard)
        assert one.events == [("up", 2), ("lost", 2, "reset"), ("up", 2)]
        await stop(again)


@on_uvloop
async def test_a_changed_address_is_dialed() -> None:
    """The membership moves a member to another address while it cannot be reached."""
    one, two = await Node(1).serve(), await Node(2).serve()
    one.knows(two, m2="127.0.0.1:1")
    await until(lambda: one.transport.figures.connects_failed)
    one.knows(two)
    await until(lambda: one.is_up(two))
    await stop(one, two)


@on_uvloop
async def test_a_name_is_looked_up_at_every_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod comes back with another address under the same name."""
    one, two = await Node(1).serve(), await Node(2).serve()
    loop = asyncio.get_running_loop()
    places = [("127.0.0.1", 1), ("127.0.0.1", 1), ("127.0.0.1", two.port)]
    asked = []

    class Resolving:
        """The loop, but for names."""

        def __getattr__(self, name: str) -> object:
            return getattr(loop, name)

        async def getaddrinfo(self, host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            place = places[min(len(asked), len(places)) - 1]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place)]

    monkeypatch.setattr("raftkeeper.server.peers.dialing.asyncio.get_running_loop", Resolving)
    one.knows(two, m2="node-2.test:2182")
    await until(lambda: one.is_up(two))
    monkeypatch.undo()
    assert asked[:3] == ["node-2.test"] * 3
    await stop(one, two)


@on_uvloop
async def test_a_member_that_is_removed_is_let_go() -> None:
    """Its link ends, and it is not dialed any more."""
    async with linked_pair() as (one, two):
        two.knows()
        one.knows()
        await until(lambda: not one.is_up(two) and not two.is_up(one))
        assert one.transport.views() == ()


@on_uvloop
async def test_a_guest_with_another_disk_than_the_membership_names_is_cut_off() -> None:
    """It came in while its id was not known here, and must not be taken for the one that has it."""
    one, guest = await Node(1).serve(), await Node(4).serve(incarnation=b"x" * 16)
    guest.knows(one)
    await until(lambda: one.is_up(guest))
    one.knows(guest)
    await until(lambda: not one.is_up(guest))
    await until(lambda: one.transport.figures.refusals["incarnation"] >= 3)
    assert one.events == [("up", 4), ("lost", 4, "silent")]
    await stop(one, guest)


@on_uvloop
async def test_a_dropped_link_is_made_again() -> None:
    """The driver ends a link that brought nonsense; the other side resends from the start."""
    async with linked_pair() as (one, two):
        one.transport.drop(2, "a malformed group")
        await until(lambda: one.events[1:] and one.is_up(two) and two.is_up(one))
        await until(lambda: two.events[-1] == ("up", 1))
        assert one.events[:2] == [("up", 2), ("lost", 2, "silent")]


@pytest.mark.parametrize(
    ("cluster", "incarnation", "cause"),
    [(b"x" * 16, disk(2), "cluster"), (CLUSTER, b"x" * 16, "incarnation")],
)
@on_uvloop
async def test_who_does_not_belong_gets_no_link(
    cluster: bytes, incarnation: bytes, cause: str
) -> None:
    """Another cluster, or a wiped disk under an old id: refused on both sides, without an end."""
    one, two = await Node(1).serve(), await Node(2).serve(cluster, incarnation)
    one.knows(two)
    two.knows(one)
    for node in (one, two):
        await until(lambda node=node: node.transport.figures.refusals[cause] >= 3)
    assert one.events == two.events == []
    await stop(one, two)


@on_uvloop
async def test_a_waiting_node_is_adopted_by_who_knows_its_disk() -> None:
    """It says so in surveys, learns its cluster and id from the handshake, and is then linked."""
    leader, fresh = await Node(1).serve(), Node(4)
    await fresh.transport.start(fresh.socket)
    adopted = []

    def adopt(cluster_id: bytes, member_id: int) -> None:
        adopted.append((cluster_id, member_id))
        asyncio.get_running_loop().call_later(0.05, fresh.become, cluster_id)

    fresh.transport.wait(disk(4), adopt)
    survey = await leader.transport.survey(fresh.address, 5.0)
    assert survey is not None
    assert (survey.member_id, survey.cluster_id, survey.incarnation) == (0, bytes(16), disk(4))
    leader.knows(fresh)
    await until(lambda: leader.is_up(fresh) and fresh.is_up(leader))
    assert adopted == [(CLUSTER, 4)]
    await stop(leader, fresh)


@on_uvloop
async def test_a_waiting_node_refuses_who_means_another_disk() -> None:
    """An address that leads to the wrong empty node makes no member of it."""
    leader, fresh = await Node(1).serve(), Node(4)
    await fresh.transport.start(fresh.socket)
    fresh.transport.wait(b"z" * 16, lambda *_: pytest.fail("adopted"))
    leader.knows(fresh)
    await until(lambda: leader.transport.figures.refusals["waiting"] >= 2)
    await stop(leader, fresh)


@on_uvloop
async def test_a_survey_of_nobody_is_none() -> None:
    """And one of a member says who it is."""
    async with linked_pair() as (one, two):
        assert await one.transport.survey("127.0.0.1:1", 2.0) is None
        assert await one.transport.survey("no address", 2.0) is None
        survey = await one.transport.survey(two.address, 2.0)
        assert survey is not None
        assert survey.member_id == 2


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x2d" + bytes(45),
        frame(b"\xc1"),
        frame(b"\x80"),
        frame(b"\x93\x01\x02\x03"),
        b"",
    ],
)
@on_uvloop
async def test_a_stranger_harms_only_its_own_connection(words: bytes) -> None:
    """HTTP, a client's handshake, broken msgpack: it is closed, and the members hear nothing."""
    async with linked_pair() as (one, two):
        # A dial that crossed may have ended as one, too.
        failed = one.transport.figures.handshakes_failed
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(words)
        if not words:
            writer.write_eof()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 10.0)
        writer.close()
        await until(lambda: one.transport.figures.handshakes_failed > failed)
        two.transport.send(Heartbeat(2, 1, 1, 1, 1))
        await until(lambda: one.heard)
        assert one.events == [("up", 2)]


@on_uvloop
async def test_silent_strangers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound they are closed unseen; within it, when their time is up."""
    monkeypatch.setattr(limits, "HANDSHAKES_MAX", 3)
    monkeypatch.setattr(limits, "HANDSHAKE_TIMEOUT_S", 0.3)
    one = await Node(1).serve()
    strangers = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(5)]
    for reader, _ in strangers:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 10.0)
    assert one.transport.figures.handshakes_overflowed == 2
    assert one.transport.figures.handshakes_failed == 3
    for _, writer in strangers:
        writer.close()
    await stop(one)


@on_uvloop
async def test_a_cut_network_is_healed_by_itself() -> None:
    """Connections are reset and refused for a while; afterwards the members are linked again."""
    one, two = await Node(1).serve(), await Node(2).serve()
    async with TcpProxy(("127.0.0.1", two.port)) as proxy:
        one.knows(two, m2=proxy.address)
        await until(lambda: one.is_up(two))
        proxy.refuse()
        proxy.cut()
        await until(lambda: one.events[-1] == ("lost", 2, "reset"))
        await until(lambda: one.transport.figures.connects_failed >= 2)
        proxy.listen()
        await until(lambda: one.is_up(two) and two.is_up(one))
        one.transport.send(Heartbeat(1, 2, 1, 1, 1))
        await until(lambda: two.heard)
    await stop(one, two)


@on_uvloop
async def test_a_frozen_direction_delays_and_loses_nothing() -> None:
    """What was sent while one way stood still comes when it moves again, in order."""
    one, two = await Node(1).serve(), await Node(2).serve()
    async with TcpProxy(("127.0.0.1", two.port)) as proxy:
        one.knows(two, m2=proxy.address)
        await until(lambda: one.is_up(two) and two.is_up(one))
        proxy.there.freeze()
        for number in range(1, 6):
            one.transport.send_group(2, 1, number, b"x")
        two.transport.send(Heartbeat(2, 1, 1, 1, 1))
        await until(lambda: one.heard)
        assert two.heard == []
        proxy.there.thaw()
        await until(lambda: len(two.heard) == 5)
        assert [group[2] for group in two.heard] == [1, 2, 3, 4, 5]
        assert one.events == [("up", 2)]
    await stop(one, two)


@on_uvloop
async def test_a_stuck_receiver_costs_bounded_memory() -> None:
    """Messages are dropped when the queue is full; a group then ends the link, never silently."""
    one, two = await Node(1).serve(), await Node(2).serve()
    async with TcpProxy(("127.0.0.1", two.port)) as proxy:
        one.knows(two, m2=proxy.address)
        await until(lambda: one.is_up(two))
        proxy.freeze()
        payload = bytes(1 << 20)
        figures = one.transport.figures
        sent = 0
        while not figures.messages_dropped:
            one.transport.send(Append(1, 2, 1, sent, 1, (Entry(sent + 1, 1, 2, payload),), 0, 0))
            sent += 1
            assert sent < 200
            await asyncio.sleep(0)
        (view,) = one.transport.views()
        assert view.unsent_bytes <= limits.MESSAGE_QUEUE_BYTES_MAX + (2 << 20)
        for number in range(1, 20):
            one.transport.send_group(2, 1, number, payload)
        assert figures.links_reset_full == 1
        await until(lambda: one.events[-1][0] == "lost")
        assert one.events[-1] == ("lost", 2, "silent")
    await stop(one, two)


OTHER_PROCESS = """
    import asyncio, sys, uvloop
    from tests.integration.peer_nodes import Node, disk
    from raftkeeper.raft import Member

    async def main():
        node = await Node(2).serve()
        node.transport.set_members({1: Member(1, disk(1), sys.argv[1])}, 1)
        await asyncio.Event().wait()

    uvloop.run(main())
"""


def start_other(address: str) -> "subprocess.Popen[bytes]":
    """Member 2 in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER_PROCESS), address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@on_uvloop
async def test_a_killed_process_is_noticed_at_once_and_a_stopped_one_is_not() -> None:
    """SIGSTOP keeps the link, SIGKILL ends it as a reset within a fraction of an election."""
    one = await Node(1).serve()
    process = start_other(one.address)
    try:
        await until(lambda: one.transport.is_up(2))
        process.send_signal(signal.SIGSTOP)
        one.transport.send(Heartbeat(1, 2, 1, 1, 1))
        await asyncio.sleep(0.2)  # that nothing happens takes some time to see
        assert one.events == [("up", 2)]
        loop = asyncio.get_running_loop()
        killed = loop.time()
        process.kill()
        await until(lambda: one.events[1:])
        assert one.events[1] == ("lost", 2, "reset")
        assert loop.time() - killed < 1.0
    finally:
        process.kill()
        process.wait()
    await stop(one)
