"""A RaftKeeper node of this checkout, run by its own command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .process import HOST, Peer, PeerError


class RaftKeeper(Peer):
    """One node, `raftkeeper server`, with the same settings as the ZooKeeper it is compared with."""

    kind = "raftkeeper"

    @property
    def data_directory(self) -> Path:
        return self.directory / "data"

    def command(self) -> Sequence[str]:
        raise PeerError("not yet")
