"""The node's configuration: that the node takes it, and what goes into it from the spec."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.build.clusters import EVERYTHING, cluster

from raftkeeper_operator.build.node_config import (
    build_node_config,
    node_config_name,
    node_settings,
    write_toml,
)

NODE_SOURCES = Path(__file__).parents[3] / "node" / "python"

# The part of `raftkeeper check-config` that needs no compiled engine.
CHECK = """
import sys
from pathlib import Path
from raftkeeper.server.config_sources import ConfigError, load_config
try:
    load_config(Path(sys.argv[1]), {}, {})
except ConfigError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("spec", [{}, EVERYTHING], ids=["minimal", "everything"])
def test_the_node_accepts_its_configuration(spec: dict[str, Any], tmp_path: Path) -> None:
    """The node's own reading of it, in a process of its own, finds nothing wrong with the file."""
    file = tmp_path / "raftkeeper.toml"
    file.write_text(write_toml(node_settings(cluster(spec))), encoding="utf-8")
    check = subprocess.run(
        [sys.executable, "-c", CHECK, str(file)],
        env={"PYTHONPATH": str(NODE_SOURCES), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def test_extra_settings_come_last_and_outrank() -> None:
    """keeper.extra adds settings, in their sections, and may change those that are not owned."""
    settings = node_settings(cluster({"keeper": {"extra": {"log.level": "debug", "a.b": "1"}}}))
    read = tomllib.loads(write_toml(settings))
    assert read["log"] == {"level": "debug", "format": "json"}
    assert read["a"] == {"b": "1"}


def test_text_of_settings_is_quoted() -> None:
    """A value with quotes and line ends stays one value."""
    value = 'x"\n[admin]\ntoken_file = "/etc/passwd'
    settings = node_settings(cluster({"keeper": {"extra": {"log.level": value}}}))
    assert tomllib.loads(write_toml(settings))["log"]["level"] == value


def test_another_configuration_has_another_name() -> None:
    """A ConfigMap is never changed: what differs gets another name, what is equal the same."""
    assert node_config_name(cluster()) == node_config_name(cluster({"replicas": 5}))
    other = cluster({"logging": {"level": "debug"}})
    assert node_config_name(other) != node_config_name(cluster())
    assert build_node_config(other)["immutable"] is True


def test_election_timeout_is_whole_heartbeats() -> None:
    """The node counts in heartbeats; what does not divide is rounded."""
    spec = {"raft": {"heartbeatInterval": "30ms", "electionTimeout": "1s"}}
    assert node_settings(cluster(spec))["ensemble"]["election_ticks"] == 33
