"""Claims about the admin port: who passes with which certificate, and how certificates change."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.admin.admin_node import TOKEN, AdminNode
from tests.unit.admin.fake_ensemble import FakeEnsemble

from raftkeeper.admin.admin_server import AdminServer
from raftkeeper.server.config_sources import ConfigError, load_config
from raftkeeper.server.errors import NodeError
from raftkeeper.tools.admin_client import Access, AdminClient, AdminError, build_tls


class Authority:
    """A CA in a folder, and certificates it signs; by the openssl program."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self.directory = directory
        self.name = name
        self._openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test-ca "
            f"-keyout {name}.key -out {name}.pem"
        )

    def sign(self, name: str) -> None:
        """<name>.pem and <name>.key, for 127.0.0.1."""
        self._openssl(
            f"req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr "
            "-addext subjectAltName=IP:127.0.0.1"
        )
        self._openssl(
            f"x509 -req -days 1 -in {name}.csr -CA {self.name}.pem -CAkey {self.name}.key "
            f"-CAcreateserial -copy_extensions copy -out {name}.pem"
        )

    def path(self, name: str) -> Path:
        return self.directory / name

    def _openssl(self, arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments.split()], cwd=self.directory, check=True, capture_output=True
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """With a certificate for the node and one for an operator."""
    authority = Authority(tmp_path)
    authority.sign("node")
    authority.sign("operator")
    return authority


@asynccontextmanager
async def serving(directory: Path, **settings: str) -> AsyncIterator[str]:
    """The port of a node with these settings; its address."""
    node = AdminNode(directory, FakeEnsemble())
    node.open()
    flags = {f"--admin-{name.replace('_', '-')}": value for name, value in settings.items()}
    config = load_config(None, {}, {"--storage-data-dir": str(directory), **flags})
    node.view.config = config
    server = AdminServer(node.view)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        await server.start(sock)
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            await server.stop()


async def ask(address: str, tls: ssl.SSLContext | None, token: str = "") -> object:
    """The status, or an AdminError."""
    client = AdminClient(Access((address,), token, tls, 5.0))
    return await asyncio.to_thread(client.ask, address, "GET", "/v1/status")


async def test_certificate_of_the_operators_ca_passes_without_a_token(
    authority: Authority, tmp_path: Path
) -> None:
    """Nobody else does: no certificate, one of another CA, plain HTTP."""
    other = Authority(tmp_path, "other")
    other.sign("stranger")
    ca, path = authority.path("ca.pem"), authority.path
    async with serving(
        tmp_path,
        tls_certificate=str(path("node.pem")),
        tls_key=str(path("node.key")),
        tls_client_ca=str(ca),
    ) as address:
        good = build_tls(ca, path("operator.pem"), path("operator.key"))
        assert await ask(address, good)
        with pytest.raises(AdminError) as caught:
            await ask(address, build_tls(ca, None, None))
        assert caught.value.code == "UNAUTHENTICATED"
        for tls in (build_tls(ca, path("stranger.pem"), path("stranger.key")), None):
            with pytest.raises(AdminError) as caught:
                await ask(address, tls)
            assert caught.value.code == "UNREACHABLE"


async def test_token_passes_over_tls_and_certificates_are_replaced(
    authority: Authority, tmp_path: Path
) -> None:
    """The next connection sees the new one; a broken one leaves the old in use."""
    token_file = tmp_path / "tokens"
    token_file.write_text(TOKEN)
    path = authority.path
    async with serving(
        tmp_path,
        tls_certificate=str(path("node.pem")),
        tls_key=str(path("node.key")),
        token_file=str(token_file),
    ) as address:
        tls = build_tls(path("ca.pem"), None, None)
        assert await ask(address, tls, TOKEN)
        before = await asyncio.to_thread(certificate_of, address)
        authority.sign("node")
        assert await asyncio.to_thread(certificate_of, address) != before
        assert await ask(address, tls, TOKEN)
        path("node.pem").write_text("half a certificate")
        assert await ask(address, tls, TOKEN)
        path("node.pem").unlink()
        assert await ask(address, tls, TOKEN)


def certificate_of(address: str) -> str:
    host, _, port = address.rpartition(":")
    return ssl.get_server_certificate((host, int(port)), timeout=5)


async def test_unusable_settings_stop_the_start_with_a_sentence(tmp_path: Path) -> None:
    """A token that can be guessed, a file that is not there, no certificate."""
    short = tmp_path / "short"
    short.write_text("guess me\n")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for number, (settings, word) in enumerate(
        (
            ({"token_file": str(short)}, "shorter than 16"),
            ({"token_file": str(empty)}, "no token"),
            ({"token_file": str(tmp_path / "none")}, "cannot be read"),
            ({"token_file": str(short), "tls_certificate": str(empty)}, "shorter"),
        )
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        with pytest.raises(NodeError, match=word):
            async with serving(directory, **settings):
                pass
    good = tmp_path / "good"
    good.write_text(TOKEN)
    (tmp_path / "tls").mkdir()
    with pytest.raises(NodeError, match="tls_certificate"):
        async with serving(
            tmp_path / "tls", token_file=str(good), tls_certificate=str(tmp_path / "none")
        ):
            pass


def test_client_certificates_need_tls() -> None:
    """Over plain HTTP there are none."""
    with pytest.raises(ConfigError, match="tls_certificate"):
        load_config(None, {}, {"--admin-tls-client-ca": "ca.pem"})


def test_port_is_closed_unless_somebody_could_pass() -> None:
    """There is no default password."""
    assert not load_config(None, {}, {}).admin.enabled
    assert load_config(None, {}, {"--admin-token-file": "t"}).admin.enabled
