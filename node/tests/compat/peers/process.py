"""What every peer has in common: its settings, its directory, its process, its port.

A peer owns what it starts: it is stopped by its own process id, and the directory it made for itself
goes with it. Waiting is always for a condition and always has a deadline.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .lifetime import Lifetime
from .ports import free_port

HOST = "127.0.0.1"

START_DEADLINE_S = 60.0
"""A JVM on two busy cores needs 2 to 8 s; a restart with a million znodes some more."""

STOP_DEADLINE_S = 30.0
"""After SIGTERM; then the process is killed and the stop counts as failed."""

POLL_S = 0.02
"""Pause between two looks at a server that is starting."""

LOG_TAIL_LINES = 30
"""How much of a server's log goes into the error when it does not start."""


class PeerError(Exception):
    """A server could not be fetched, started or stopped. The message ends with what it logged."""


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """Settings that both servers understand; each peer translates them to its own names."""

    min_session_timeout_ms: int = 4_000
    max_session_timeout_ms: int = 40_000
    tick_ms: int = 2_000
    super_digest: str = ""
    collect_interval_ms: int = 60_000
    """How often empty containers and outlived TTL nodes are looked for."""
    fsync: bool = True
    read_only_mode: bool = False
    """Whether a member without a leader serves clients that only read, if they ask for it."""
    reconfig: bool = False
    """Whether clients may ask for other members."""
    enforce_quotas: bool = False
    """Whether hard limits of quotas are more than words."""
    java_heap: str = "1g"
    """Only for servers that run in a JVM."""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemberPorts:
    """Where one member of an ensemble listens, all on loopback."""

    client: int
    quorum: int
    election: int
    """Only ZooKeeper has a port of its own for elections."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Which member of which ensemble a server is; members count from 1."""

    number: int
    everyone: tuple[MemberPorts, ...]

    @property
    def own(self) -> MemberPorts:
        return self.everyone[self.number - 1]


class Peer(Lifetime):
    """One server process. `with Peer() as peer:` starts it, and stops it at the end.

    `stop` is orderly (SIGTERM), `kill` is not (SIGKILL); after either, `start` runs the server again
    on the same port and data. `close` stops it and removes the data if the peer made the directory.
    """

    kind: str

    def __init__(
        self,
        settings: PeerSettings | None = None,
        *,
        directory: Path | None = None,
        port: int | None = None,
        membership: Membership | None = None,
    ) -> None:
        self.settings = settings or PeerSettings()
        self.membership = membership
        """Alone without one; otherwise it gives the port."""
        self.port = membership.own.client if membership else port or free_port()
        self._owns_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix=f"{self.kind}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port`, as clients take it."""
        return f"{HOST}:{self.port}"

    @property
    def host(self) -> str:
        return HOST

    @property
    def pid(self) -> int:
        """The server's process id; it must be running."""
        if self._process is None:
            raise PeerError(f"{self.kind} on port {self.port} is not running")
        return self._process.pid

    @property
    def pids(self) -> tuple[int, ...]:
        """Of all its processes."""
        return (self.pid,)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        """Everything the process wrote to its standard output and error, over all its starts."""
        return self.directory / "server.log"

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Writes what the server needs to its directory and returns its command line."""

    def next_endpoint(self) -> tuple[str, int]:
        """Where the next connection goes; an ensemble spreads them."""
        return HOST, self.port

    def catch_up(self, endpoint: tuple[str, int], zxid: int) -> None:
        """Returns when the server at this endpoint has got as far as `zxid`: alone it always has."""
        if endpoint != (HOST, self.port):
            raise PeerError(f"{endpoint} is none of {self.address}")

    def reached(self, endpoint: tuple[str, int]) -> int:
        """What the server at this endpoint has applied; 0 where nobody could lag behind it."""
        self.catch_up(endpoint, 0)
        return 0

    def start(self) -> Self:
        """Starts the process and returns when it serves requests."""
        self.launch()
        self.wait_until_serving()
        return self

    def launch(self) -> None:
        """Starts the process and does not wait: members of an ensemble need each other to serve."""
        if self.running:
            raise PeerError(f"{self.kind} on port {self.port} runs already")
        command = list(self.command())
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.settings.environment},
                start_new_session=True,
            )

    def stop(self) -> None:
        """SIGTERM, then waits for the end. No-op when it does not run."""
        self._end(signal.SIGTERM, STOP_DEADLINE_S)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        self._end(signal.SIGKILL, STOP_DEADLINE_S)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stops the server; removes its data if this object made the directory."""
        try:
            self.stop()
        finally:
            if self._owns_directory:
                shutil.rmtree(self.directory, ignore_errors=True)

    def four_letter(self, word: str, timeout_s: float = 5.0) -> str:
        """Sends a four-letter command and returns the whole answer."""
        with socket.create_connection((HOST, self.port), timeout=timeout_s) as connection:
            connection.sendall(word.encode("ascii"))
            answer = bytearray()
            while piece := connection.recv(65_536):
                answer += piece
        return answer.decode("utf-8")

    def log_tail(self) -> str:
        if not self.log_path.exists():
            return "(it wrote nothing)"
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def wait_until_serving(self) -> None:
        """Of one that was launched; PeerError with its log when it does not come up."""

        def serves() -> bool:
            if not self.running:
                raise PeerError(f"{self.kind} ended while it started:\n{self.log_tail()}")
            try:
                return "Mode:" in self.four_letter("srvr")
            except OSError:
                return False

        try:
            wait_for(serves, START_DEADLINE_S, f"{self.kind} to serve on port {self.port}")
        except TimeoutError as late:
            self.kill()
            raise PeerError(f"{late}; its log:\n{self.log_tail()}") from late

    def _end(self, how: signal.Signals, deadline_s: float) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(deadline_s)
        except subprocess.TimeoutExpired as late:
            process.kill()
            process.wait()
            raise PeerError(
                f"{self.kind} did not end within {deadline_s:.0f} s of {how.name}:\n"
                f"{self.log_tail()}"
            ) from late
        finally:
            self._process = None


def wait_for(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Polls until `condition` holds; TimeoutError names what was waited for."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {deadline_s:.0f} s for {what}")
        time.sleep(POLL_S)


def cache_directory() -> Path:
    """Where fetched peers and suites are kept: the user's cache, never the checkout."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "raftkeeper"
