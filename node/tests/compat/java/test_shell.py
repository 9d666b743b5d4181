"""ZooKeeper's own shell says the same of a node as of ZooKeeper."""

from __future__ import annotations

import pytest
from tests.compat.java import shell
from tests.compat.peers import RaftKeeper, ZooKeeper

COMMANDS = shell.read_commands()

pytestmark = [pytest.mark.compat, pytest.mark.timeout(300)]


def test_the_shell_prints_the_same_for_a_node_as_for_zookeeper() -> None:
    """Every command of shell_session.txt, answers and events; only times, zxids, sessions masked."""
    with ZooKeeper() as zookeeper:
        theirs = shell.run(zookeeper.address, COMMANDS)
    with RaftKeeper() as node:
        ours = shell.run(node.address, COMMANDS)
    found = shell.differences(theirs, ours)
    assert not found, "\n".join(found)
