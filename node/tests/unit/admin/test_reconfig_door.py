"""Claims about ZooKeeper's reconfig: both dialects are read, and each becomes a change or a code."""

import struct

import pytest
from tests.unit.admin.fake_ensemble import CLUSTER, FakeEnsemble

from raftkeeper.admin.membership import MembershipChanges
from raftkeeper.admin.reconfig_door import ReconfigDoor
from raftkeeper.admin.reconfig_text import (
    Joining,
    ReconfigError,
    parse_request,
    parse_server,
)
from raftkeeper.raft import Promote, Remove, Replace, Update
from raftkeeper.server.zookeeper_config import render_config


def body(joining: str = "", leaving: str = "", members: str = "", version: int = -1) -> bytes:
    """A request as a client sends it."""
    out = b""
    for text in (joining, leaving, members):
        out += struct.pack(">i", len(text) or -1) + text.encode()
    return out + struct.pack(">q", version)


def door(ensemble: FakeEnsemble) -> ReconfigDoor:
    async def sleep(_seconds: float) -> None:
        """A look later everything is as it was, unless the ensemble says otherwise."""

    changes = MembershipChanges(ensemble, ensemble, ensemble)
    return ReconfigDoor(ensemble, changes, CLUSTER, sleep)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server.4=h:2888:3888:participant;2181", Joining(4, "h:2888", is_learner=False)),
        ("server.4=h:2888:3888", Joining(4, "h:2888", is_learner=False)),
        ("server.4=h:2888:3888:observer;0.0.0.0:2181", Joining(4, "h:2888", is_learner=True)),
        ("server.4=h:2888:3888;2181", Joining(4, "h:2888", is_learner=False)),
        ("server.4=h:44444", Joining(4, "h:44444", is_learner=False)),
        ("server.4=h:44444;learner", Joining(4, "h:44444", is_learner=True)),
        ("server.4=h:44444;participant;5", Joining(4, "h:44444", is_learner=False, priority=5)),
        ("server.4=[::1]:2888:3888:observer", Joining(4, "[::1]:2888", is_learner=True)),
    ],
)
def test_both_dialects_are_read(text: str, expected: Joining) -> None:
    """ZooKeeper's and ClickHouse's."""
    assert parse_server(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "server.x=h:1",
        "server.4=h",
        "server.4=h:0",
        "server.4=h:70000",
        "4=h:1",
        "server.4=h:1:2:leader",
        "server.4=h:1;participant;high",
        "server.4=h:1:2:observer:participant",
    ],
)
def test_what_is_no_server_is_refused(text: str) -> None:
    """Instead of being guessed."""
    with pytest.raises(ReconfigError):
        parse_server(text)


def test_cut_off_requests_are_refused() -> None:
    """Every prefix of a good one, and lengths that lie."""
    whole = body("server.4=h:1:1", "3", "", 7)
    assert parse_request(whole).version == 7
    for length in range(len(whole)):
        with pytest.raises(ReconfigError):
            parse_request(whole[:length])
    with pytest.raises(ReconfigError):
        parse_request(struct.pack(">i", 1 << 30) + b"x" * 40)
    with pytest.raises(ReconfigError):
        parse_request(struct.pack(">i", 1) + b"\xff" + struct.pack(">iiq", -1, -1, -1))


async def test_participant_joins_as_a_learner_and_is_promoted() -> None:
    """Two changes in one request."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(body("server.4=10.0.0.7:2888:3888:participant;2181")) == 0
    assert ensemble.membership.voters == {1, 2, 3, 4}
    assert ensemble.done[1:] == [Promote(4)]


async def test_observer_stays_a_learner() -> None:
    """One change."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(body("server.4=10.0.0.7:2888:3888:observer;2181")) == 0
    assert ensemble.membership.learners == {4}
    assert len(ensemble.done) == 1


async def test_learner_that_lags_is_not_promoted_and_may_be_later() -> None:
    """NEWCONFIGNOQUORUM; the same request again goes on where it stopped."""
    ensemble = FakeEnsemble(lagging={4})
    request = body("server.4=10.0.0.7:2888:3888")
    assert await door(ensemble).run(request) == -13
    assert ensemble.membership.learners == {4}
    ensemble.lagging.clear()
    assert await door(ensemble).run(request) == 0
    assert ensemble.membership.voters == {1, 2, 3, 4}
    assert len(ensemble.added) == 1


async def test_another_change_between_the_two_steps_is_not_passed_over() -> None:
    """BADVERSION: the request was decided on a membership that is no longer."""
    ensemble = FakeEnsemble(lagging={4})

    async def sleep(_seconds: float) -> None:
        """Meanwhile somebody removes member 3, and the learner catches up."""
        ensemble.lagging.clear()
        await ensemble.change(Remove(3), ensemble.config_index, timeout_s=1)

    changes = MembershipChanges(ensemble, ensemble, ensemble)
    carried = ReconfigDoor(ensemble, changes, CLUSTER, sleep)
    assert await carried.run(body("server.4=10.0.0.7:2888:3888", "2")) == -103
    assert (ensemble.membership.voters, ensemble.membership.learners) == ({1, 2}, {4})


async def test_one_joins_in_the_place_of_another_in_one_step() -> None:
    """Joint, so that there are never too few."""
    ensemble = FakeEnsemble(silent={3})
    assert await door(ensemble).run(body("server.4=10.0.0.7:2888:3888", "3")) == 0
    assert ensemble.done[1:] == [Replace(3, 4)]


async def test_one_leaves() -> None:
    """By its number."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(body("", "3")) == 0
    assert ensemble.done == [Remove(3)]


async def test_known_member_gets_another_address() -> None:
    """With the same role it is otherwise left alone."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(body("server.2=new:2888:3888;2181")) == 0
    assert ensemble.done == [Update(2, "new:2888", "zone2", 1)]


async def test_priority_that_is_not_said_stays_as_it_is() -> None:
    """ZooKeeper's form knows none: it must not take one away that was set otherwise."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(body("server.2=10.0.0.2:2888;participant;7")) == 0
    assert await door(ensemble).run(body("server.2=new:2888:3888;2181")) == 0
    assert ensemble.done[1:] == [Update(2, "new:2888", "zone2", 7)]


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        (body("", "3", version=9), -103),
        (body("", "7"), -8),
        (body("server.9=10.0.0.7:2888:3888"), -8),
        (body("server.4=a:1,server.5=b:1"), -8),
        (body("", "2,3"), -8),
        (body(members="server.1=a:1:1"), -8),
        (body(), -8),
        (b"", -8),
        (body("", "9" * 5000), -8),
        (body(f"server.4={'a' * 300}:2888:3888"), -8),
        (body("server.2=new host:2888:3888"), -8),
        (body("server.2=new:2888;participant;1001"), -8),
        (body(f"server.2=new:2888;participant;{'9' * 5000}"), -8),
    ],
)
async def test_refusals_have_zookeepers_codes(request_body: bytes, code: int) -> None:
    """And nothing is done."""
    ensemble = FakeEnsemble()
    assert await door(ensemble).run(request_body) == code
    assert not ensemble.done


async def test_risky_and_misdirected_requests_are_refused() -> None:
    """No live majority afterwards; not the leader; a change under way."""
    assert await door(FakeEnsemble(silent={3})).run(body("", "2")) == -13
    assert await door(FakeEnsemble(own=2)).run(body("", "3")) == -1
    assert await door(FakeEnsemble(busy=True)).run(body("", "3")) == -14


async def test_version_of_the_config_is_its_index() -> None:
    """What a client has read, it may compare with."""
    ensemble = FakeEnsemble()
    text = render_config(ensemble.membership, ensemble.config_index).decode()
    assert text.splitlines() == [
        "server.1=10.0.0.1:2888:2888:participant",
        "server.2=10.0.0.2:2888:2888:participant",
        "server.3=10.0.0.3:2888:2888:participant",
        "version=a",
    ]
    assert await door(ensemble).run(body("", "3", version=0xA)) == 0
