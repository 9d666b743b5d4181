"""A real node in a process of its own, on free ports and a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.compat.peers.ports import free_port

START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 20.0


class NodeProcess:
    """`raftkeeper server` with the defaults of tests. `start` waits until it is ready."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        self.port = free_port()
        self.http_port = free_port()
        self.log_path = directory / "node.log"
        self.settings: dict[str, object] = {
            "client_port": self.port,
            "http_port": self.http_port,
            "storage_data_dir": directory / "data",
            "four_letter_whitelist": "*",
            "log_format": "json",
            **settings,
        }
        self.environment: dict[str, str] = {}
        """Variables beside those of the tests."""
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def launch(self) -> Self:
        """Starts the process and waits for nothing."""
        command = [sys.executable, "-m", "raftkeeper", "server"]
        for name, value in self.settings.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        environment = {key: value for key, value in os.environ.items() if "RAFTKEEPER" not in key}
        environment |= self.environment
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.directory, env=environment
            )
        return self

    def start(self) -> Self:
        """Starts the process and waits until it serves."""
        self.launch()
        deadline = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < deadline:
            if self.serves():
                return self
            time.sleep(0.02)
        raise AssertionError(f"the node is not ready:\n{self.log_path.read_text()}")

    @property
    def running(self) -> "subprocess.Popen[bytes]":
        """The process, which must have been started."""
        assert self.process is not None
        return self.process

    def serves(self) -> bool:
        """Whether it is ready; AssertionError with its log when it has ended instead."""
        if self.running.poll() is not None:
            raise AssertionError(f"the node ended:\n{self.log_path.read_text()}")
        return self.ready()[0] == 200

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /health/ready; 0 while nobody listens."""
        try:
            return 200, json.loads(self.page("/health/ready"))
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except (urllib.error.URLError, ConnectionError):
            return 0, {}

    def page(self, path: str) -> str:
        """A page of the HTTP port."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(url, timeout=5.0) as response:
            text: str = response.read().decode()
            return text

    def wait(self) -> int:
        """The exit code, once it ended."""
        return self.running.wait(STOP_DEADLINE_S)

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.running.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_DEADLINE_S)

    def lines(self) -> list[dict[str, Any]]:
        """What it logged. The last line may be on its way to the file."""
        whole, _, _ = self.log_path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under this event's name."""
        return [line for line in self.lines() if line["event"] == name]


def wait_until(condition: Any, deadline_s: float = 10.0) -> None:
    """Waits for a condition that another process makes true."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.02)
