"""Daemons of the local cluster: started in the background, written down, stopped by process id.

A process is written down with the time of its start, so that a number which the kernel has given to
somebody else meanwhile is never signalled. Nothing is ever found or stopped by name.
"""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# A daemon that got SIGTERM saves what it has; after this long it is stuck and is killed.
STOP_TIMEOUT_S = 10.0
# The shell enters the group (if there is one) before it forks, so that no child escapes it; then it leaves
# the daemon to the system's first process, for it is to outlive whoever started it.
START = '[ -z "$0" ] || echo $$ > "$0"; "$@" >&2 & echo $!'


class Processes:
    """The daemons whose records are in one folder."""

    def __init__(self, records: Path, logs: Path) -> None:
        self._records = records
        self._logs = logs

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cgroup: Path | None = None,
    ) -> None:
        """Start it, unless it runs. Its output goes to `<name>.log`; `cgroup` is where it begins."""
        if self.is_running(name):
            return
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            started = subprocess.run(
                ["/bin/sh", "-c", START, str(cgroup / "cgroup.procs" if cgroup else ""), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                cwd="/",
                check=True,
            )
        pid = int(started.stdout)
        record = {"pid": pid, "started": _start_time(pid)}
        unfinished = self._records / f"{name}.unfinished"
        unfinished.write_text(json.dumps(record))
        unfinished.rename(self._records / f"{name}.json")

    def names(self) -> list[str]:
        """Those that were started and not stopped, whether they still run or not."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def is_running(self, name: str) -> bool:
        """Whether the very process that was started still runs."""
        return self._pid(name) is not None

    def stop(self, name: str, *, at_once: bool = False) -> None:
        """SIGTERM, and SIGKILL when that takes too long; returns when it is gone."""
        pid = self._pid(name)
        if pid is not None:
            end(pid, at_once=at_once)
        (self._records / f"{name}.json").unlink(missing_ok=True)

    def _pid(self, name: str) -> int | None:
        try:
            record = json.loads((self._records / f"{name}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        pid = int(record["pid"])
        return pid if _start_time(pid) == record["started"] is not None else None


def end(pid: int, *, at_once: bool = False) -> None:
    """End one process and wait until it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signals = [signal.SIGKILL] if at_once else [signal.SIGTERM, signal.SIGKILL]
        for number in signals:
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                break
            if select.select([handle], [], [], STOP_TIMEOUT_S)[0]:
                break
    finally:
        os.close(handle)


def end_group(cgroup: Path) -> None:
    """Kill every process below a control group, as a power cut would: none gets to say goodbye."""
    for _ in range(20):  # a process may fork while the list is read, so until there is none
        pids = [
            int(line)
            for path in cgroup.rglob("cgroup.procs")
            for line in _lines(path)
            if int(line) != 0
        ]
        if not pids:
            return
        for pid in pids:
            end(pid, at_once=True)
    raise RuntimeError(f"processes below {cgroup} do not end: {pids}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:  # the group was removed while we looked
        return []


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/<pid>/stat; None when there is no such process, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
