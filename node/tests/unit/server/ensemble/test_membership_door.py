"""Reconfig at any member: carried out by the leader, answered where it was asked, once."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from tests.unit.server.ensemble.stand_ins import RecordingLinks, StandInCore
from tests.unit.server.fakes import FakeClock

from raftkeeper.server import limits
from raftkeeper.server.ensemble.membership_door import MembershipDoor
from raftkeeper.server.ensemble.waits import Waits


class ReconfigEngine:
    """Has requests, and remembers answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, bytes]] = []
        self.answers: list[tuple[int, int]] = []
        self.configs: list[bytes] = []

    def take_reconfigs(self) -> list[tuple[int, bytes]]:
        taken, self.requests = self.requests, []
        return taken

    def answer_reconfig(self, conn: int, code: int, now_us: int) -> None:
        self.answers.append((conn, code))

    def set_config(self, data: bytes) -> None:
        self.configs.append(data)


class Bench:
    """Member 1 of three, which follows member 2."""

    def __init__(self) -> None:
        self.engine = ReconfigEngine()
        self.core = StandInCore()
        self.core.follow(2, term=5)
        self.core.config_index = 3
        self.links = RecordingLinks()
        self.clock = FakeClock()
        self.waits = Waits()
        self.carried: list[tuple[bytes, Callable[[int], None]]] = []
        driver = SimpleNamespace(
            engine=self.engine,
            core=self.core,
            links=self.links,
            waits=self.waits,
            wake=lambda: None,
        )
        self.door = MembershipDoor(driver, self.clock)  # type: ignore[arg-type]
        self.door.on_request = lambda body, reply: self.carried.append((body, reply))

    def ask(self, *bodies: bytes) -> None:
        self.engine.requests = [(100 + place, body) for place, body in enumerate(bodies)]
        self.door.take_requests()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_follower_asks_the_leader_and_shows_what_came_of_it(bench: Bench) -> None:
    """Not before the new membership is here: the client reads it in the answer."""
    bench.ask(b"join")
    assert bench.links.asks == [(2, 1, b"join")]
    bench.door.on_answer(2, 1, 0, 7)
    bench.waits.check()
    assert bench.engine.answers == []
    bench.core.config_index = 7
    bench.door.publish()
    bench.waits.check()
    assert bench.engine.answers == [(100, 0)]
    assert bench.carried == []


def test_refusal_of_the_leader_is_the_clients(bench: Bench) -> None:
    """At once, and a second answer is nobody's, nor that of another member."""
    bench.ask(b"join")
    bench.door.on_answer(3, 1, 8, 0)
    assert bench.engine.answers == []
    bench.door.on_answer(2, 1, 13, 0)
    bench.door.on_answer(2, 1, 13, 0)
    assert bench.engine.answers == [(100, -13)]


def test_lost_leader_and_lost_answer_are_an_open_outcome(bench: Bench) -> None:
    """The change may come about all the same."""
    bench.ask(b"a")
    bench.door.link_lost(3)
    assert bench.engine.answers == []
    bench.door.link_lost(2)
    assert bench.engine.answers == [(100, -14)]
    bench.ask(b"b")
    bench.door.tick()
    assert len(bench.engine.answers) == 1
    bench.clock.us += int(limits.RECONFIG_ANSWER_S * 1_000_000)
    bench.door.tick()
    assert bench.engine.answers[1:] == [(100, -14)]


def test_what_the_leader_is_asked_is_bounded(bench: Bench) -> None:
    """The rest is told that others are before it."""
    bench.ask(*[b"x"] * (limits.RECONFIGS_ASKED_MAX + 1))
    assert len(bench.links.asks) == limits.RECONFIGS_ASKED_MAX
    assert [code for _, code in bench.engine.answers] == [-14]


def test_leader_carries_out_what_others_ask_and_answers_them(bench: Bench) -> None:
    """With the index of the membership that they wait for."""
    bench.core.lead(term=6)
    bench.door.on_ask(3, 9, b"join")
    (body, reply) = bench.carried[0]
    bench.core.config_index = 8
    reply(0)
    assert (body, bench.links.answers) == (b"join", [(3, 9, 0, 8)])
    bench.ask(b"own")
    bench.carried[1][1](-8)
    assert bench.engine.answers == [(100, -8)]


def test_who_does_not_lead_any_more_says_so(bench: Bench) -> None:
    """Nothing goes round in circles."""
    bench.door.on_ask(3, 9, b"join")
    assert bench.links.answers == [(3, 9, 1, 3)]
    assert bench.carried == []
