"""An ensemble is founded once, by one member, when all are there and belong to nobody."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from raftkeeper.raft import Member
from raftkeeper.server import limits
from raftkeeper.server.ensemble.founding import find_identity, found_again, say_other_details
from raftkeeper.server.peers import Survey
from raftkeeper.storage import DataDirectory, Identity, StorageOptions
from raftkeeper.testing.faulty_files import FaultyFiles

LIST = ("1=a:1", "2=b:1", "3=c:1")


class Network:
    """Who answers at which address; and the way by which this node is adopted."""

    def __init__(self) -> None:
        self.answers: dict[str, Identity] = {}
        self.details: dict[str, tuple[str, int]] = {}
        """Zone and priority, where a node says them."""
        self.levels: dict[str, int] = {}
        """Of those whose release is another."""
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()
        self.adopt: Callable[[bytes, int], None] | None = None
        self._round = asyncio.Event()

    async def round(self) -> None:
        """Until somebody is asked once more."""
        self._round.clear()
        await self._round.wait()

    def wait(self, incarnation: bytes, on_adopted: Callable[[bytes, int], None]) -> None:
        self.adopt = on_adopted

    async def survey(self, address: str, timeout_s: float) -> Survey | None:
        self.asked.append(address)
        self._round.set()
        if len(self.asked) >= 4:
            self.was_asked.set()  # twice each of two
        who = self.answers.get(address)
        if who is None:
            return None
        details = self.details.get(address, ("", 1))
        level = self.levels.get(address, 2)
        return Survey(who.cluster_id, who.member_id, who.incarnation, "", level, *details)


def config_of(member: int, *, bootstrap: bool = True, **more: Any) -> Any:
    values = {"members": LIST, "join": False, "zone": "z", "priority": 2, "recovery": "", **more}
    return SimpleNamespace(
        ensemble=SimpleNamespace(bootstrap=bootstrap, feature_level_max=2, **values),
        listed_as=member,
        peer_address=f"own{member}:1",
        talks_to_members=True,
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks again without a pause."""
    monkeypatch.setattr(limits, "SURVEY_EVERY_S", 0.001)


@pytest.fixture
def directory() -> DataDirectory:
    return DataDirectory.open(Path("/d"), StorageOptions(), files=FaultyFiles())


def waiting(name: bytes) -> Identity:
    return Identity.waiting(name * 16)


async def test_founder_founds_when_all_wait(directory: DataDirectory) -> None:
    """With the incarnation of each disk, so that a wiped one is not the member any more."""
    network = Network()
    network.answers = {"b:1": waiting(b"b")}
    founding = asyncio.ensure_future(find_identity(config_of(1), directory, network))
    await network.was_asked.wait()
    assert not founding.done()
    network.answers["c:1"] = waiting(b"c")
    identity, membership = await founding
    assert identity.founds
    assert membership is not None
    assert membership.voters == {1, 2, 3}
    assert [member.incarnation for member in membership.members] == [
        identity.incarnation,
        b"b" * 16,
        b"c" * 16,
    ]


async def test_founder_says_again_who_is_missing(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the log hours later finds out why the node does not serve."""
    monkeypatch.setattr(limits, "GATHERING_SAID_EVERY_S", 0.01)
    network = Network()
    network.answers = {"b:1": waiting(b"b")}
    with capture_logs() as lines:

        def said() -> list[Any]:
            return [line for line in lines if line["event"] == "ensemble.gathering"]

        founding = asyncio.ensure_future(find_identity(config_of(1), directory, network))
        async with asyncio.timeout(5):
            while len(said()) < 3:
                await network.round()
        founding.cancel()
    assert [line["missing"] for line in said()[:3]] == ["c:1"] * 3
    assert [line["log_level"] for line in said()[:3]] == ["info", "warning", "warning"]
    assert "can be reached" in said()[1]["advice"]


async def test_founder_does_not_repeat_itself_at_each_look(directory: DataDirectory) -> None:
    """It looks four times a second."""
    network = Network()
    with capture_logs() as lines:
        founding = asyncio.ensure_future(find_identity(config_of(1), directory, network))
        async with asyncio.timeout(5):
            while len(network.asked) < 20:
                await network.round()
        founding.cancel()
    assert [line["event"] for line in lines].count("ensemble.gathering") == 1


async def test_founder_knows_the_zone_and_priority_of_each(directory: DataDirectory) -> None:
    """As each member is configured; one of the release before says nothing."""
    network = Network()
    network.answers = {"b:1": waiting(b"b"), "c:1": waiting(b"c")}
    network.details = {"b:1": ("near", 5)}
    _, membership = await find_identity(config_of(1), directory, network)
    assert membership is not None
    details = [(member.zone, member.priority) for member in membership.members]
    assert details == [("z", 2), ("near", 5), ("", 1)]


@pytest.mark.parametrize(
    ("zone", "priority", "is_said"),
    [("z", 2, False), ("z", 3, True), ("", 2, True), ("y", 2, True)],
)
def test_member_says_when_it_is_configured_other_than_it_is_known(
    zone: str, priority: int, is_said: bool
) -> None:
    """The membership counts, and a setting without effect must not go unnoticed."""
    with capture_logs() as lines:
        say_other_details(config_of(2), Member(2, b"", "b:1", zone, priority))
    assert [line["event"] for line in lines] == ["ensemble.details_differ"] * is_said


def test_member_that_is_not_configured_takes_what_the_membership_says() -> None:
    """As under the operator for Kubernetes, which knows better in which zone a pod is."""
    with capture_logs() as lines:
        say_other_details(config_of(2, zone="", priority=1), Member(2, b"", "b:1", "z", 9))
        say_other_details(config_of(2), None)
    assert lines == []


@pytest.mark.parametrize("level", [1, 2, 3])
async def test_ensemble_begins_at_the_level_that_all_founders_speak(
    directory: DataDirectory, level: int
) -> None:
    """One of the release before holds it there; a newer one cannot lift it above the founder's."""
    network = Network()
    network.answers = {"b:1": waiting(b"b"), "c:1": waiting(b"c")}
    network.levels = {"c:1": level}
    _, membership = await find_identity(config_of(1), directory, network)
    assert membership is not None
    assert membership.level == min(level, 2)


async def test_founder_with_an_empty_disk_makes_no_second_ensemble(
    directory: DataDirectory,
) -> None:
    """One of the others belongs to one: this disk was wiped, and waits."""
    network = Network()
    network.answers = {"b:1": Identity(b"k" * 16, 2, b"b" * 16), "c:1": waiting(b"c")}
    founding = asyncio.ensure_future(find_identity(config_of(1), directory, network))
    await asyncio.wait({founding}, timeout=0.02)
    assert not founding.done()
    assert len(network.asked) == 2
    assert network.adopt is not None
    network.adopt(b"k" * 16, 4)
    identity, membership = await founding
    assert (identity.member_id, identity.founds, membership) == (4, False, None)


@pytest.mark.parametrize("recovery", ["2@own1:1", "2@b:1"], ids=["survivor", "another"])
async def test_empty_disk_founds_nothing_beside_an_ensemble_that_was_recovered(
    directory: DataDirectory, recovery: str
) -> None:
    """Even the founder, with all others waiting; what it joins later has passed that recovery."""
    network = Network()
    network.answers = {"b:1": waiting(b"b"), "c:1": waiting(b"c")}
    config = config_of(1, recovery=recovery)
    finding = asyncio.ensure_future(find_identity(config, directory, network))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not finding.done()
    assert not network.asked
    assert directory.identity is not None
    assert directory.identity.recovery_epoch == 2
    assert network.adopt is not None
    network.adopt(b"k" * 16, 7)
    identity, membership = await finding
    assert (identity.member_id, identity.recovery_epoch, membership) == (7, 2, None)


@pytest.mark.parametrize(
    "config",
    [
        config_of(2),
        config_of(1, bootstrap=False),
        config_of(0, members=(), join=True),
        config_of(0),
    ],
    ids=["not the founder", "without the flag", "joining", "not in the list"],
)
async def test_all_others_wait_until_they_are_taken_in(
    directory: DataDirectory, config: Any
) -> None:
    """They ask nobody and found nothing."""
    network = Network()
    finding = asyncio.ensure_future(find_identity(config, directory, network))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not finding.done()
    assert network.adopt is not None
    network.adopt(b"k" * 16, 2)
    identity, membership = await finding
    assert (identity.cluster_id, identity.member_id, membership) == (b"k" * 16, 2, None)
    assert directory.identity == identity
    assert not identity.founds
    assert network.asked == []


async def test_incarnation_of_a_waiting_disk_outlives_restarts(directory: DataDirectory) -> None:
    """Whoever adds it has been told this one."""
    finding = asyncio.ensure_future(find_identity(config_of(2), directory, Network()))
    await asyncio.sleep(0)
    first = directory.identity
    finding.cancel()
    network = Network()
    again = asyncio.ensure_future(find_identity(config_of(2), directory, network))
    await asyncio.sleep(0)
    assert network.adopt is not None
    network.adopt(b"k" * 16, 2)
    identity, _ = await again
    assert first is not None
    assert identity.incarnation == first.incarnation


async def test_node_without_others_founds_at_once(directory: DataDirectory) -> None:
    """A first try needs no configuration."""
    config = config_of(0, members=())
    identity, membership = await find_identity(config, directory, None)
    assert (identity.member_id, identity.founds) == (1, True)
    assert membership is not None
    assert (membership.voters, membership.level) == ({1}, 2)


async def test_bound_directory_keeps_what_it_is(directory: DataDirectory) -> None:
    """Whatever is configured later."""
    bound = Identity(b"k" * 16, 3, b"i" * 16)
    directory.create(bound)
    network = Network()
    assert await find_identity(config_of(1), directory, network) == (bound, None)
    assert network.adopt is None


async def test_founder_stopped_in_between_gathers_again() -> None:
    """Nobody has heard of its ensemble yet."""
    network = Network()
    network.answers = {"b:1": waiting(b"b"), "c:1": waiting(b"c")}
    identity = Identity(b"k" * 16, 1, b"a" * 16, founds=True)
    membership = await found_again(config_of(1), identity, network)
    assert membership is not None
    assert membership.voters == {1, 2, 3}
    network.answers["b:1"] = Identity(b"x" * 16, 1, b"b" * 16)
    assert await found_again(config_of(1), identity, network) is None
