"""Curator's recipes work with a node as they do with ZooKeeper, across a restart too."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.compat.java import curator_client
from tests.compat.peers import PEERS

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]


@pytest.mark.parametrize("kind", ["zookeeper", "raftkeeper"])
def test_curators_recipes_hold(kind: str, tmp_path: Path) -> None:
    """Locks, latches, caches, ephemerals, transactions; the program's every line is `ok`."""
    classes = tmp_path / "classes"
    classes.mkdir()
    curator_client.compile_into(classes)
    with PEERS[kind](directory=tmp_path / "server") as peer:
        outcome = curator_client.run(peer, classes)
    failed = [line for line in outcome.lines if not line.startswith("ok ")][:-1]
    assert outcome.exit_code == 0, "\n".join(failed)
    assert len(outcome.lines) > 10
