"""Daemons: only the very process that was started is ever stopped."""

import json
import os
import subprocess
from pathlib import Path

from e2e.local.processes import Processes


def test_daemon_is_started_once_and_stopped(tmp_path: Path) -> None:
    """It runs, a second start changes nothing, and stop returns when it is gone."""
    processes = Processes(tmp_path / "records", tmp_path / "logs")
    processes.start("sleeper", ["sleep", "60"])
    pid = json.loads((tmp_path / "records" / "sleeper.json").read_text())["pid"]
    processes.start("sleeper", ["sleep", "60"])
    assert json.loads((tmp_path / "records" / "sleeper.json").read_text())["pid"] == pid
    assert processes.is_running("sleeper")
    processes.stop("sleeper")
    assert not processes.is_running("sleeper")
    assert processes.names() == []
    state = Path(f"/proc/{pid}/stat")
    assert not state.exists() or ") Z " in state.read_text(), "only its remains may be there"


def test_daemon_outlives_who_started_it(tmp_path: Path) -> None:
    """It is nobody's child here, so the end of a run with KEEP has nothing to say about it."""
    processes = Processes(tmp_path / "records", tmp_path / "logs")
    processes.start("sleeper", ["sleep", "60"])
    pid = json.loads((tmp_path / "records" / "sleeper.json").read_text())["pid"]
    try:
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert int(parent) != os.getpid()
    finally:
        processes.stop("sleeper")


def test_number_that_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    """A record whose process has ended, and whose number somebody else has now, stops nobody."""
    processes = Processes(tmp_path / "records", tmp_path / "logs")
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "records").mkdir()
        record = {"pid": other.pid, "started": "1"}
        (tmp_path / "records" / "sleeper.json").write_text(json.dumps(record))
        assert not processes.is_running("sleeper")
        processes.stop("sleeper")
        assert other.poll() is None
        other.kill()
