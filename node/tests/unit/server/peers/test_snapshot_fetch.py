"""Claims about fetches that bring nothing: told once each, at a falling rate, and logged once."""

import asyncio
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from raftkeeper.server.peers import limits
from raftkeeper.server.peers.conversation import Conversation
from raftkeeper.server.peers.figures import PeerFigures
from raftkeeper.server.peers.snapshot_fetch import (
    SnapshotFetcher,
    SnapshotNotYet,
    decide_pause_s,
)


def test_pause_before_a_failure_is_told_grows_to_a_bound() -> None:
    """The first is told at once: the next offer may be another member's."""
    pauses = [decide_pause_s(failures) for failures in range(1, 8)]
    retry_s, most_s = limits.SNAPSHOT_RETRY_S, limits.SNAPSHOT_PAUSE_MAX_S
    assert pauses[:4] == [0, retry_s, 2 * retry_s, 4 * retry_s]
    assert pauses[-1] == most_s
    assert decide_pause_s(10_000) == most_s


class Sender:
    """A member that has nothing to give, and says why."""

    def __init__(self) -> None:
        self.reason: Exception = SnapshotNotYet("enough snapshots are being sent")
        self.dialed = 0

    async def connect(self, _member: int, _attempt: int) -> Conversation:
        self.dialed += 1
        raise self.reason


async def test_sender_that_has_none_yet_is_asked_again_and_mentioned_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As often as the leader offers it would fill the log; and it is no error, for it passes."""
    monkeypatch.setattr(limits, "SNAPSHOT_RETRY_S", 0.001)
    sender, told = Sender(), asyncio.Queue[Any]()
    figures = PeerFigures()
    fetcher = SnapshotFetcher(cast("Any", None), sender.connect, told.put_nowait, figures)
    with capture_logs() as lines:
        for _ in range(5):
            fetcher.start(1, 7)
            assert await told.get() is None
        assert sender.dialed == 5  # a row of connections at once would only be in the way
        sender.reason = OSError("no space left")
        fetcher.start(1, 7)
        assert await told.get() is None
    said = [(line["event"], line["log_level"]) for line in lines]
    assert said.count(("peer.snapshot_not_yet", "info")) == 1
    assert said.count(("peer.snapshot_given_up", "error")) == 1
    assert figures.snapshots_given_up == 6
    await fetcher.stop()
