"""The tests of kazoo that run against neither server, as `skips.toml` lists them with their reasons."""

from __future__ import annotations

import tomllib
from pathlib import Path

SKIPS = Path(__file__).with_name("skips.toml")


def load_skips(nodes: int = 1) -> dict[str, str]:
    """Test, class or file → why it runs against neither server, alone or in an ensemble."""
    where = "alone" if nodes == 1 else "ensemble"
    return {
        entry["test"]: entry["reason"]
        for entry in tomllib.loads(SKIPS.read_text())["skip"]
        if entry.get("only", where) == where
    }


def names(nodeid: str) -> list[str]:
    """`file::class::test`, `file::class` and `file` of a test, whatever folder it is in."""
    parts = nodeid.rpartition("/")[2].split("::")
    return ["::".join(parts[:count]) for count in range(len(parts), 0, -1)]
