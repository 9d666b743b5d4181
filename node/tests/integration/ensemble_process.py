"""Three real nodes in processes of their own, founded from one static list."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.compat.peers.ports import free_port
from tests.integration.node_process import NodeProcess

DEADLINE_S = 30.0


class EnsembleProcess:
    """Members 1, 2, 3. `start` waits until all of them serve."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.peer_ports = {number: free_port() for number in (1, 2, 3)}
        self.nodes = {
            number: self._make(directory / str(number), number, settings) for number in (1, 2, 3)
        }

    def __enter__(self) -> Self:
        try:
            for node in self.nodes.values():
                node.launch()
            for node in self.nodes.values():
                wait_until(node.serves, "a node serves")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for node in self.nodes.values():
            node.kill()

    def mode(self, number: int) -> str:
        """leader, follower, or '' when it does not say."""
        try:
            answer = four_letter(self.nodes[number].port, b"srvr")
        except OSError:
            return ""
        return next((line[6:] for line in answer.splitlines() if line.startswith("Mode: ")), "")

    def leader(self) -> int:
        """The member that leads; waits for it."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [number for number in self.nodes if self.mode(number) == "leader"]
            return len(found) == 1

        wait_until(look, "there is one leader")
        return found[0]

    def hosts(self, *numbers: int) -> str:
        """A client's connection string, of all when none is named."""
        return ",".join(f"127.0.0.1:{self.nodes[n].port}" for n in numbers or self.nodes)

    def _make(self, directory: Path, number: int, settings: dict[str, object]) -> NodeProcess:
        directory.mkdir()
        members = ",".join(f"{n}=127.0.0.1:{port}" for n, port in self.peer_ports.items())
        return NodeProcess(
            directory,
            peer_port=self.peer_ports[number],
            ensemble_members=members,
            ensemble_member=number,
            ensemble_bootstrap="true",
            **settings,
        )


def four_letter(port: int, word: bytes) -> str:
    """The answer to a four-letter command."""
    with socket.create_connection(("127.0.0.1", port), 2) as sock:
        sock.sendall(word)
        answer = b""
        while part := sock.recv(65536):
            answer += part
    return answer.decode()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Looks until it holds; AssertionError after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        time.sleep(0.02)
