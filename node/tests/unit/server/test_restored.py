"""What a directory holds becomes a core and a state, or it is said why it cannot."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.storage.directory_lives import ROOT, DirectoryLives, settle

from raftkeeper._engine import EngineError
from raftkeeper.raft import EntryKind, Membership, RaftConfig
from raftkeeper.server.restored import build_core, load_state
from raftkeeper.storage import StorageError
from raftkeeper.tools.tree_walk import empty_engine


def test_contradiction_that_only_the_core_sees_is_damage() -> None:
    """Not the end of the process with a traceback: the next start would find the same."""
    lives = DirectoryLives(member_id=1)
    _, writer = lives.live()
    config = (1, 3, EntryKind.CONFIG, Membership.of([1]).encode())
    writer.write(1, (3, 1), [config, (2, 3, EntryKind.NOOP, b"")])
    settle(writer)
    writer.close()
    recovered = lives.open().recover()
    assert build_core(RaftConfig(1, nonce=0), recovered, ROOT).last_index == 2
    with pytest.raises(StorageError, match="the hard state's term 2 is not behind") as caught:
        build_core(RaftConfig(1, nonce=0), replace(recovered, term=2), Path("/data"))
    assert caught.value.is_damage
    assert "let it join anew" in str(caught.value)


def test_entry_that_no_engine_takes_is_said() -> None:
    """As one of a later release, whose node is started in an older version again."""
    with pytest.raises(EngineError):
        load_state(empty_engine(), None, [(1, 1, EntryKind.BATCH, b"of a format to come")])
