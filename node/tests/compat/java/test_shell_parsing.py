"""How the shell's output is cut up and compared, without a server."""

from __future__ import annotations

import pytest
from tests.compat.java import shell

PRINTED = """Connecting to localhost
Welcome to ZooKeeper!
JLine support is disabled
Created /a
Node does not exist: /no-such-znode-behind-command-0

WATCHER::

WatchedEvent state:SyncConnected type:NodeDataChanged path:/a zxid: 9
one
Node does not exist: /no-such-znode-behind-command-1
"""


def test_answers_and_events_are_told_apart() -> None:
    """An event in the middle of an answer does not belong to it."""
    transcript = shell.parse(PRINTED, ["create /a one", "get -w /a"])
    assert [answer.text for answer in transcript.answers] == ["Created /a", "one"]
    assert len(transcript.events) == 1


def test_a_missing_answer_is_an_error() -> None:
    """A shell that ended early is not half a success."""
    with pytest.raises(ValueError, match="3 commands, 2 answers"):
        shell.parse(PRINTED, ["create /a one", "get -w /a", "ls /"])


def test_one_other_answer_is_a_difference() -> None:
    """And it is told with the command."""
    theirs = shell.parse(PRINTED, ["create /a one", "get -w /a"])
    ours = shell.parse(PRINTED.replace("\none", "\ntwo"), ["create /a one", "get -w /a"])
    (found,) = shell.differences(theirs, ours)
    assert "get -w /a" in found
