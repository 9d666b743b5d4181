"""A node with an admin port and a FakeEnsemble behind it, asked over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from aiohttp.test_utils import TestClient, TestServer
from tests.unit.admin.fake_ensemble import CLUSTER, FakeEnsemble, incarnation
from tests.unit.server.fakes import FakeClock

from raftkeeper.admin.admin_server import AdminServer, build_application
from raftkeeper.server.config import Config
from raftkeeper.server.view import NodeView
from raftkeeper.storage import Identity
from raftkeeper.storage.layout import SNAPSHOTS, snapshot_name

TOKEN = "a token of some length"


class FakeSnapshotter:
    """Puts a file where a snapshot would be."""

    def __init__(self, data: Path) -> None:
        self.running = False
        self.last_index = self.last_zxid = self.last_ms = self.taken = self.failed = 0
        self.content = b"x" * 3_000_000
        self.reaches = [42]
        """The index of each one that is taken, in turn."""
        self.works = True
        self._directory = data / SNAPSHOTS
        self._directory.mkdir(parents=True)

    async def take(self, timeout_s: float) -> bool:
        if self.works:
            self.last_index, self.last_zxid = self.reaches.pop(0), 0x2A
            (self._directory / snapshot_name(self.last_index, 3)).write_bytes(self.content)
        return self.works


class AdminNode:
    """One member of `ensemble`."""

    def __init__(self, directory: Path, ensemble: FakeEnsemble) -> None:
        self.ensemble = ensemble
        token_file = directory / "token"
        token_file.write_text(f"{TOKEN}\n")
        self.token_file = token_file
        config = Config.model_validate(
            {
                "storage": {"data_dir": directory / "data"},
                "admin": {"token_file": str(token_file)},
            }
        )
        self.view = NodeView(config, FakeClock(), version="0.1.0", host_name="keeper", pid=1)
        self.snapshotter = FakeSnapshotter(directory / "data")
        self.identity = Identity(CLUSTER, ensemble.own, incarnation(ensemble.own))
        self.view.directory = cast("Any", SimpleNamespace(identity=self.identity))

    def open(self) -> None:
        """Its data is read."""
        driver = SimpleNamespace(
            status=self.ensemble.status,
            members=self.ensemble.members,
            serving=SimpleNamespace(is_set=lambda: True),
            draining=False,
            leadership=SimpleNamespace(leader_age_ms=700),
        )
        parts = SimpleNamespace(
            driver=driver,
            operations=self.ensemble,
            links=self.ensemble,
            core=SimpleNamespace(
                membership=self.ensemble.membership,
                first_index=1,
                log=SimpleNamespace(last_term=3),
            ),
            engine=SimpleNamespace(
                last_zxid=0x2A, applied_index=42, digest=lambda: (42, 0x2A, 0xD16E57)
            ),
            clients=SimpleNamespace(by_conn=dict.fromkeys(range(self.ensemble.clients))),
            writer=SimpleNamespace(full=""),
            snapshotter=self.snapshotter,
        )
        self.view.parts = cast("Any", parts)
        self.view.serving_us = 1


@asynccontextmanager
async def serving(node: AdminNode) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of the node's admin port, with its token."""
    server = AdminServer(node.view)
    application = build_application(node.view, server._authenticate)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with TestClient(TestServer(application), headers=headers) as client:
        yield client
