"""The node answers as ZooKeeper 3.9.4 did when the golden transcripts were recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compat.peers import Ensemble, Peer, RaftKeeper, ZooKeeper
from tests.compat.transcript.comparison import (
    ENSEMBLE_LIST,
    differences,
    judge,
    load_divergences,
)
from tests.compat.transcript.golden import read_coverage, read_golden
from tests.compat.transcript.operations import ERRORS, OPERATIONS
from tests.compat.transcript.recording import Recording, Step
from tests.compat.transcript.run import SETTINGS, Run
from tests.compat.transcript.runner import run_stories, story_names
from tests.compat.transcript.verbs import CONTAINER, EPHEMERAL, PERSISTENT, SEQUENTIAL

REQUESTS_MIN = 400

DOCUMENT = Path(__file__).parents[3] / "docs" / "divergence.md"

UNREACHABLE = {
    -1: "of a server that fails",
    -3: "of a server that fails",
    -4: "made by clients",
    -7: "made by clients",
    -12: "of no use in 3.9",
    -13: "of an ensemble",
    -14: "of an ensemble",
    -100: "no error, a bound of the numbers",
    -113: "made by clients",
    -112: "told by the handshake (timeout 0) and the hang-up: stories sessions and ephemeral",
    -118: "told by the hang-up: story sessions",
    -119: "of a server without a quorum",
    -120: "of local sessions, off by default",
    -122: "made by clients",
    -124: "of enforced SASL, off by default",
    -127: "of request throttling, off by default",
}
"""Codes no client gets from a standalone ZooKeeper with its default settings, and why."""


@pytest.fixture(scope="module")
def node() -> Iterator[Peer]:
    with RaftKeeper(SETTINGS) as peer:
        yield peer


@pytest.fixture(scope="module")
def zookeeper() -> Iterator[Peer]:
    with ZooKeeper(SETTINGS) as peer:
        yield peer


@pytest.fixture(scope="module")
def ensemble() -> Iterator[Ensemble]:
    with Ensemble(RaftKeeper, SETTINGS) as peer:
        yield peer


@pytest.mark.parametrize("story", story_names())
def test_node_answers_as_zookeeper_did(node: Peer, story: str) -> None:
    """Every difference is listed as intended, and every listed one is still there."""
    complaints = judge(story, _found(node, story), load_divergences())
    assert not complaints, "\n".join(complaints)


@pytest.mark.compat
@pytest.mark.parametrize("story", story_names())
def test_node_and_zookeeper_answer_alike(node: Peer, zookeeper: Peer, story: str) -> None:
    """Both are asked the same now; ZooKeeper says, word for word, what was recorded from it."""
    theirs = _found(zookeeper, story)
    assert not theirs, "\n".join(difference.text() for difference in theirs)
    complaints = judge(story, _found(node, story), load_divergences())
    assert not complaints, "\n".join(complaints)


@pytest.mark.compat
@pytest.mark.parametrize("story", story_names())
def test_ensemble_answers_as_zookeeper_did(ensemble: Ensemble, story: str) -> None:
    """Three nodes, each connection to the next of them, are one service to their clients."""
    listed = load_divergences() + load_divergences(ENSEMBLE_LIST)
    complaints = judge(story, _found(ensemble, story), listed)
    assert not complaints, "\n".join(complaints)


def test_stories_cover_every_opcode() -> None:
    """Each operation a client may send was sent to ZooKeeper."""
    sent = {name for story in read_coverage().values() for name in story["opcodes"]}
    assert set(OPERATIONS) <= sent


def test_stories_cover_every_error_a_client_can_get() -> None:
    """ZooKeeper gave each of its error codes, but for those that have a reason above."""
    seen = {code for story in read_coverage().values() for code in story["errors"]}
    assert seen == set(ERRORS) - set(UNREACHABLE)


def test_stories_are_long_enough() -> None:
    """At least as many requests as the comparison promises, one golden file for each story."""
    coverage = read_coverage()
    assert sorted(coverage) == sorted(story_names())
    assert sum(story["requests"] for story in coverage.values()) >= REQUESTS_MIN


def test_every_listed_divergence_belongs_to_a_step() -> None:
    """A typing mistake in the list does not go unseen."""
    for entry in load_divergences():
        numbers = {step.number for step in read_golden(entry.story)}
        assert entry.steps, entry.id
        assert set(entry.steps) <= numbers, entry.id


def test_document_and_list_name_the_same_divergences() -> None:
    """Each heading of docs/divergence.md has steps in the list, and each entry has its heading."""
    headings = {
        line.removeprefix("### ").partition(".")[0]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("### ")
    }
    assert {entry.id for entry in load_divergences()} == headings


def test_node_refuses_what_zookeeper_dies_of(node: Peer) -> None:
    """A createTTL without a TTL mode and with ttl -1 is a bad argument; the node goes on."""
    run = Run(node, recording := Recording("alone", ""))
    client = run.client("a")
    for flags in (PERSISTENT, EPHEMERAL, SEQUENTIAL, CONTAINER):
        client.create_ttl(f"/ttl-without-ttl-{flags}", -1, flags=flags)
    client.exists("/ttl-without-ttl-0")
    run.finish()
    answers = [step.received[0] for step in recording.steps[1:]]
    assert all("err=BADARGUMENTS" in answer for answer in answers[:-1]), answers
    assert "err=NONODE" in answers[-1]


def test_node_opens_no_second_session_on_a_connection(node: Peer) -> None:
    """Opcode -10 with a timeout, which ZooKeeper takes from any client, is an unknown one."""
    run = Run(node, recording := Recording("alone", ""))
    client = run.client("a")
    client.ask_raw("op-10", b"\0\0\x27\x10", code=-10)
    client.ping()
    run.finish()
    assert "err=UNIMPLEMENTED" in recording.steps[1].received[0]
    assert "err=OK" in recording.steps[2].received[0]


def _found(peer: Peer | Ensemble, story: str) -> list:
    (recording,) = run_stories(peer, [story])
    golden: list[Step] = read_golden(story)
    return differences(story, golden, recording.steps)
