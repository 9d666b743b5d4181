"""What the kernel says of a process: its CPU time and its resident memory."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(*pids: int) -> float:
    """User and system time of all their threads so far, in steps of a clock tick (10 ms)."""
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    # The name in parentheses may hold anything; the fields are counted behind its end.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def resident_bytes(pid: int) -> int:
    """Memory of the process that is in RAM now."""
    return _status_bytes(pid, "VmRSS:")


def _status_bytes(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(f"{field} of process {pid}")
