"""How much memory and CPU the operator takes: `python -m tests.flow.measure` from the folder operator.

The real process, against the fake API server: one cluster that runs, and more that hibernate. What is
printed is the process alone, at rest after everything is as it should be, over a window of a minute.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.app.test_process import Operator, holder
from tests.fake_api.server import FakeApi
from tests.flow.controllers import SPACE, Controllers
from tests.flow.keepers import Keepers, KeeperServers

WINDOW_S = 60.0
SETTLE_S = 180.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def ask_for(api: FakeApi, name: str, *, hibernate: bool) -> None:
    meta = {"namespace": SPACE, "name": name}
    kind = {"apiVersion": "raftkeeper.io/v1", "kind": "RaftKeeperCluster"}
    api.put({**kind, "metadata": meta, "spec": {"replicas": 3, "hibernate": hibernate}})


def memory_mib(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise AssertionError(field)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def settled(api: FakeApi) -> bool:
    reasons = [
        body.get("status", {}).get("plan", {}).get("reason")
        for body in api.objects.of("raftkeeperclusters")
    ]
    return set(reasons) <= {"Settled", "Hibernated"}


async def run(clusters: int, directory: Path) -> str:
    """One line of figures."""
    with FakeApi() as api:
        servers = KeeperServers(Keepers(), directory)
        controllers = Controllers(api, servers)
        operator = Operator(directory, api, "--identity=measured")
        try:
            operator.wait_for(lambda: holder(api) == "measured")
            for number in range(clusters):
                ask_for(api, f"zoo{number}", hibernate=number > 0)
            deadline = time.monotonic() + SETTLE_S
            while not settled(api):
                if time.monotonic() > deadline:
                    raise AssertionError(operator.log.read_text())
                await _tick(controllers)
            pid = operator.process.pid
            before, asked, until = cpu_s(pid), len(api.requests), time.monotonic() + WINDOW_S
            while time.monotonic() < until:
                await _tick(controllers)
            used, requests = cpu_s(pid) - before, len(api.requests) - asked
            return (
                f"| {clusters} | {memory_mib(pid, 'VmRSS'):.0f} MiB | {memory_mib(pid, 'VmHWM'):.0f} MiB "
                f"| {used / WINDOW_S * 1000:.1f} ms/s | {requests / WINDOW_S:.1f}/s |"
            )
        finally:
            operator.process.kill()
            operator.process.wait()
            await servers.stop_all()


async def _tick(controllers: Controllers) -> None:
    await asyncio.sleep(0.5)
    controllers.now_ms = time.time_ns() // 1_000_000
    await controllers.tick(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clusters", nargs="*", type=int, default=[1, 50])
    print("| clusters | memory | highest | CPU | requests |\n|---|---|---|---|---|")
    for clusters in parser.parse_args().clusters:
        with tempfile.TemporaryDirectory() as directory:
            print(asyncio.run(run(clusters, Path(directory))), flush=True)


if __name__ == "__main__":
    main()
