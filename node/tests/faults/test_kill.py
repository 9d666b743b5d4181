"""A real node, killed under load: nothing acknowledged is lost, nothing invented. `make kill` does more."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest
from tests.compat.peers import RaftKeeper
from tests.faults.kill import checker
from tests.faults.kill.session import ConnectionLostError, SessionGoneError, WrongReplyError

ROUNDS = 8

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(name="seed")
def _seed() -> int:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return seed


def test_nothing_acknowledged_is_lost_when_the_node_is_killed(tmp_path: Path, seed: int) -> None:
    """Eight kills under load; a hundred are `make kill`."""
    with RaftKeeper(checker.SETTINGS, directory=tmp_path) as node:
        node.stop()
        run = asyncio.run(checker.check(node, ROUNDS, seed))
    assert run.kills >= ROUNDS
    assert run.tally.acknowledged > 100 * ROUNDS


class Forgetful(RaftKeeper):
    """A node that comes back with the data of its start before."""

    def start(self) -> Forgetful:
        aside = self.directory / "aside"
        if aside.exists():
            shutil.rmtree(self.data_directory)
            aside.rename(self.data_directory)
        if self.data_directory.exists():
            shutil.copytree(self.data_directory, aside)
        super().start()
        return self


def test_the_checker_finds_a_node_that_forgets(tmp_path: Path, seed: int) -> None:
    """The same check fails on a node that loses acknowledged writes.

    Such a node may know the session no more, refuse a client that has seen a later zxid, or show
    old znodes.
    """
    node = Forgetful(checker.SETTINGS, directory=tmp_path)
    try:
        with pytest.raises((WrongReplyError, SessionGoneError, ConnectionLostError)):
            asyncio.run(checker.check(node, ROUNDS, seed))
    finally:
        node.close()
