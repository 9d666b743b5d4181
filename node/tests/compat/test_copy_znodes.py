"""Claims about `examples/copy_znodes.py`, from a real ZooKeeper to the node and back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl
from tests.compat.peers import Peer, RaftKeeper, ZooKeeper

pytestmark = pytest.mark.compat

TOOL = Path(__file__).parents[3] / "examples" / "copy_znodes.py"
COPY_TIMEOUT_S = 60
AUTH = ("digest", "owner:secret")


def connect(peer: Peer) -> KazooClient:
    client = KazooClient(peer.address, auth_data=[AUTH])
    client.start()
    return client


def copy(source: Peer, target: Peer, *more: str) -> str:
    command = [sys.executable, str(TOOL), source.address, target.address, "--auth", ":".join(AUTH)]
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, timeout=COPY_TIMEOUT_S, check=True
    )
    return done.stdout


def furnish(client: KazooClient) -> None:
    """A tree with a protected znode, an ephemeral, and a queue of which one item is left."""
    client.create("/app/config", b"settings", makepath=True)
    client.create("/app/secret", b"s", acl=[make_digest_acl("owner", "secret", all=True)])
    client.create("/app/member", ephemeral=True)
    client.create("/app/queue")
    for _ in range(1203):
        client.create("/app/queue/item-", sequence=True)
    for name in sorted(client.get_children("/app/queue"))[:-1]:
        client.delete(f"/app/queue/{name}")


@pytest.mark.parametrize(("here", "there"), [(ZooKeeper, RaftKeeper), (RaftKeeper, ZooKeeper)])
def test_a_copy_has_data_acls_and_counters(
    here: Callable[[], Peer], there: Callable[[], Peer]
) -> None:
    """Also the second time, and sequential names go on where they were."""
    with (
        here() as source,
        there() as target,
        closing(connect(source)) as old,
        closing(connect(target)) as new,
    ):
        furnish(old)
        assert copy(source, target) == "5 znodes copied\n"
        assert copy(source, target) == "5 znodes copied\n"
        assert new.get("/app/config")[0] == b"settings"
        assert new.get_acls("/app/secret")[0] == old.get_acls("/app/secret")[0]
        assert new.exists("/app/member") is None
        assert new.get_children("/app/queue") == ["item-0000001202"]
        assert new.create("/app/queue/item-", sequence=True).endswith("0000001203")
        old.stop()
        new.stop()
