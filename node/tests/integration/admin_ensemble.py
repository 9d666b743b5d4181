"""Three real nodes with their admin ports open, and a fourth that may join them."""

from pathlib import Path
from typing import Any

from tests.compat.peers.ports import free_port
from tests.integration.ensemble_process import EnsembleProcess, wait_until
from tests.integration.node_process import NodeProcess

from raftkeeper.tools.admin_client import Access, AdminClient, AdminError

TOKEN = "a token for tests only"


class AdminEnsemble(EnsembleProcess):
    """As EnsembleProcess; `admin` finds the leader among all members."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.directory = directory
        self.token_file = directory / "token"
        self.token_file.write_text(f"{TOKEN}\n")
        self.common = {"admin_token_file": self.token_file, **settings}
        super().__init__(directory, **self.common)
        self.admin_ports = {number: free_port() for number in self.nodes}
        for number, node in self.nodes.items():
            node.settings["admin_port"] = self.admin_ports[number]

    def client(self, *numbers: int, timeout_s: float = 10.0) -> AdminClient:
        """Of these members, of all when none is named."""
        return AdminClient(
            Access(tuple(map(self.endpoint, numbers or self.nodes)), TOKEN, None, timeout_s)
        )

    def endpoint(self, number: int) -> str:
        return f"127.0.0.1:{self.admin_ports[number]}"

    def status(self, number: int) -> dict[str, Any]:
        """One member's own view."""
        return self.client().ask(self.endpoint(number), "GET", "/v1/status")

    def start_waiting(self, number: int) -> str:
        """A node with an empty disk that waits to be added; its peer address."""
        peer_port = free_port()
        directory = self.directory / str(number)
        directory.mkdir()
        self.admin_ports[number] = free_port()
        node = NodeProcess(
            directory,
            peer_port=peer_port,
            ensemble_join="true",
            admin_port=self.admin_ports[number],
            **self.common,
        )
        self.nodes[number] = node
        node.launch()
        wait_until(lambda: self.waits(number), "the new node waits")
        return f"127.0.0.1:{peer_port}"

    def caught_up(self, member: int) -> bool:
        """As the leader sees it."""
        rows = self.client().members()["members"]
        return any(row["id"] == member and row["caught_up"] for row in rows)

    def waits(self, number: int) -> bool:
        try:
            return bool(self.status(number)["identity"]["state"] == "waiting")
        except AdminError:
            return False
