"""Checkers say nothing of what they cannot know: a false alarm costs as much time as a true one."""

from typing import Any

import pytest

from raftkeeper.testing.checkers.tree import Ephemerals
from raftkeeper.testing.sim_failure import SimFailure
from raftkeeper.testing.sim_history import Fact, Operation, What

OWNER = 7


def look() -> Fact:
    """Somebody reads an ephemeral znode of the session OWNER."""
    stat: Any = type("Stat", (), {"owner": OWNER})()
    return Fact(What.ANSWERED, 1, Operation(1, "get", "/e2-1", zxid=9, stat=stat))


def test_session_that_expires_behind_the_last_look_left_nothing_behind() -> None:
    """Its znodes were there when it lived; only what is seen later would be wrong."""
    expired = Fact(What.EXPIRED, 2, session_id=OWNER)
    late, early = Ephemerals(), Ephemerals()
    for fact in (look(), expired):
        late.client(fact)
    late.at_end()
    for fact in (expired, look()):
        early.client(fact)
    with pytest.raises(SimFailure, match="of the expired session 7 is still there"):
        early.at_end()
