"""One node of the run: a real process in its slot's namespace, on its slot's disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

from .lab import Lab, address_of

CLIENT_PORT, PEER_PORT, HTTP_PORT, ADMIN_PORT = 2181, 2888, 8080, 8081
ASK_DEADLINE_S = 1.5
STOP_DEADLINE_S = 20.0
SNAPSHOT_EVERY_ENTRIES = 3_000
"""Often enough for members that were away to need a snapshot, and for kills to hit them."""
SEGMENT_BYTES = 1 << 20
"""Short ones, because two lie ready: a full disk is noticed once they are used up."""
FRAME_BYTES_MAX = 64 << 10
BATCH_BYTES_MAX = 128 << 10
"""A segment must hold four of both together."""


class NodeError(Exception):
    """A node ended by itself, or did not end when told to."""


class Node:
    """What stands in a slot. Which member that is changes when its disk is wiped."""

    def __init__(self, lab: Lab, slot: int, token_file: Path) -> None:
        self.slot = slot
        self.address = address_of(slot)
        self.log = lab.directory / f"node{slot}.log"
        self.frozen = False
        self._lab = lab
        self._token_file = token_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self._lab.disk(self.slot) / "data"

    @property
    def peer_address(self) -> str:
        return f"{self.address}:{PEER_PORT}"

    @property
    def admin_address(self) -> str:
        return f"{self.address}:{ADMIN_PORT}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, founders: tuple[int, ...] = ()) -> None:
        """As a founder, as a node that waits to be added, or as what its disk says."""
        settings: dict[str, object] = {
            "client_listen": self.address,
            "client_port": CLIENT_PORT,
            "http_listen": self.address,
            "http_port": HTTP_PORT,
            "admin_listen": self.address,
            "admin_port": ADMIN_PORT,
            "admin_token_file": self._token_file,
            "peer_listen": self.address,
            "peer_port": PEER_PORT,
            "peer_address": self.peer_address,
            "storage_data_dir": self.data,
            "storage_segment_bytes": SEGMENT_BYTES,
            "storage_batch_bytes_max": BATCH_BYTES_MAX,
            "client_frame_bytes_max": FRAME_BYTES_MAX,
            "snapshot_every_entries": SNAPSHOT_EVERY_ENTRIES,
            "four_letter_whitelist": "*",
            "log_format": "json",
        }
        if founders:
            members = ",".join(f"{slot}={address_of(slot)}:{PEER_PORT}" for slot in founders)
            settings |= {
                "ensemble_members": members,
                "ensemble_member": self.slot,
                "ensemble_bootstrap": "true",
            }
        else:
            settings["ensemble_join"] = "true"
        command = [*self._lab.inside(self.slot), sys.executable, "-m", "raftkeeper", "server"]
        for name, value in settings.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        environment = {key: value for key, value in os.environ.items() if "RAFTKEEPER" not in key}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        self.frozen = False

    def kill(self) -> None:
        """SIGKILL; frozen ones die too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_DEADLINE_S)
            self._process = None
        self.frozen = False

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self.frozen = False

    async def terminate(self) -> None:
        """SIGTERM; it must end by itself and say that all went well."""
        self._signal(signal.SIGTERM)
        process = self._process
        assert process is not None
        try:
            code = await asyncio.to_thread(process.wait, STOP_DEADLINE_S)
        except subprocess.TimeoutExpired as late:
            raise NodeError(f"node {self.slot} did not end within {STOP_DEADLINE_S} s") from late
        self._process = None
        if code != 0:
            raise NodeError(f"node {self.slot} ended with {code} after SIGTERM")

    def wipe(self) -> None:
        """An empty disk, as after the loss of a volume."""
        shutil.rmtree(self.data, ignore_errors=True)

    def check_alive(self) -> None:
        """NodeError when it ended and nobody told it to."""
        if self._process is not None and not self.running:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise NodeError(
                f"node {self.slot} ended by itself ({self._process.returncode}):\n{tail}"
            )

    async def ask(self, http: aiohttp.ClientSession, path: str) -> dict[str, Any] | None:
        """A page of its admin API; None when there is no answer in time."""
        if not self.running or self.frozen:
            return None
        timeout = aiohttp.ClientTimeout(total=ASK_DEADLINE_S)
        try:
            async with http.get(f"http://{self.admin_address}{path}", timeout=timeout) as response:
                if response.status != 200:
                    return None
                answer: dict[str, Any] = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _signal(self, which: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(which)
