"""One ClickHouse server of the machine's own package (Debian's 18.16), in a directory of its own.

It is a client of the keeper under test; everything about it that matters here stands in config.xml,
which the end-to-end tests fill in for theirs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.compat.peers.lifetime import Lifetime
from tests.compat.peers.ports import free_port
from tests.compat.peers.process import HOST, POLL_S, PeerError, wait_for

MISSING = "clickhouse-server is missing; `apt-get install -y clickhouse-server` brings it (root)"

START_DEADLINE_S = 60.0
STOP_DEADLINE_S = 60.0
QUERY_DEADLINE_S = 30.0
RETRY_DEADLINE_S = 90.0
"""After a restart of the keeper: a session may have to expire before the tables can be written again."""

KEEPER_SESSION_TIMEOUT_MS = 15_000

HERE = Path(__file__).parent
CONFIGURATION = (HERE / "config.xml").read_text()
USERS = (HERE / "users.xml").read_text()


class QueryError(Exception):
    """ClickHouse refused a query; the message is its own."""


class ClickHouse(Lifetime):
    """`with ClickHouse(...) as server:` starts one; `server.query("SELECT 1")` asks it."""

    def __init__(self, name: str, directory: Path, keeper_port: int) -> None:
        self.name = name
        self.directory = directory
        self._keeper_port = keeper_port
        self._http_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        return shutil.which("clickhouse-server") is not None

    def start(self) -> Self:
        """Returns when it answers queries."""
        data = self.directory / "data"
        for folder in (data, data / "tmp", data / "schemas"):
            folder.mkdir(parents=True)
        (self.directory / "users.xml").write_text(USERS)
        configuration = self.directory / "config.xml"
        configuration.write_text(
            CONFIGURATION.format(
                listen_host=HOST,
                own_host=HOST,
                tcp_port=free_port(),
                http_port=self._http_port,
                interserver_port=free_port(),
                data=data,
                keeper_host=HOST,
                keeper_port=self._keeper_port,
                session_timeout_ms=KEEPER_SESSION_TIMEOUT_MS,
                replica=self.name,
            )
        )
        with (self.directory / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["clickhouse-server", f"--config-file={configuration}"],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TZ": "UTC"},
                start_new_session=True,
            )
        wait_for(self._serves, START_DEADLINE_S, f"{self.name} to serve")
        return self

    def close(self) -> None:
        """SIGTERM, and SIGKILL to one that does not end in time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def query(self, text: str) -> list[list[str]]:
        """One query; its result as rows of columns. QueryError with ClickHouse's own words."""
        request = urllib.request.Request(
            f"http://{HOST}:{self._http_port}/", data=text.encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=QUERY_DEADLINE_S) as answer:
                lines = answer.read().decode().splitlines()
        except TimeoutError as late:
            raise QueryError(f"{self.name}: {text}: no answer") from late
        except urllib.error.HTTPError as refused:
            raise QueryError(f"{self.name}: {text}: {refused.read().decode().strip()}") from refused
        return [line.split("\t") for line in lines]

    def query_until_accepted(self, text: str) -> None:
        """Repeats a query that may be refused while the connection to the keeper is renewed."""
        end = time.monotonic() + RETRY_DEADLINE_S
        while True:
            try:
                self.query(text)
            except QueryError:
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_S * 10)
            else:
                return

    def wait_for_result(self, text: str, expected: Sequence[Sequence[object]]) -> None:
        """Waits until a query answers with these rows."""
        wanted = [[str(value) for value in row] for row in expected]
        seen: list[list[str]] = []

        def answers() -> bool:
            nonlocal seen
            try:
                seen = self.query(text)
            except QueryError as refused:
                seen = [[str(refused)]]
            return seen == wanted

        try:
            wait_for(answers, RETRY_DEADLINE_S, f"{self.name} to answer {text}")
        except TimeoutError as late:
            raise TimeoutError(f"{late}: it says {seen} instead of {wanted}") from late

    def log_tail(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace")[-4000:]

    def _serves(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise PeerError(f"{self.name} ended while it started:\n{self.log_tail()}")
        try:
            return self.query("SELECT 1") == [["1"]]
        except (urllib.error.URLError, ConnectionError):
            return False
