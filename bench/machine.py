"""Describes the machine that a run was made on, so that its figures can be read later."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from servers import REPOSITORY


def describe(data_directory: Path) -> dict[str, str]:
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "disk": _disk(data_directory),
        "other load": f"load average {os.getloadavg()[0]:.1f} when it began",
        "Java": _first_line(["java", "-version"]),
        "ZooKeeper": "3.9.4, -Xmx2g each (4g with one server and many znodes), fsync on",
        "node": f"commit {_first_line(['git', '-C', str(REPOSITORY), 'describe', '--always', '--dirty'])}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _disk(directory: Path) -> str:
    # Columns: file system, type, mount point.
    command = ["df", "--output=source,fstype,target", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.splitlines()[-1].split())


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0].replace('"', "")
