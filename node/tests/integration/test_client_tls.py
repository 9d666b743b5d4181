"""Claims about clients over TLS: who gets in, who they are, and what a stranger can do."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import NoAuthError
from kazoo.security import ACL, Id, Permissions
from tests.compat.peers.ports import free_port
from tests.integration.certificates import CertificateAuthority
from tests.integration.node_process import NodeProcess, wait_until

Connect = Callable[..., KazooClient]

# The client library leaves sockets to the garbage collector, where plain ones are closed in silence.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed <ssl.SSLSocket:ResourceWarning",
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning",
)


class TlsNode(NodeProcess):
    """With both ports open, and a certificate of `authority`."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self.authority = CertificateAuthority(directory / "ca")
        self.certificate = self.authority.sign("/CN=node", directory / "node.pem")
        self.tls_port = free_port()
        super().__init__(
            directory,
            client_tls_port=self.tls_port,
            client_tls_certificate=self.certificate,
            client_tls_ca=self.authority.file,
            **settings,
        )

    def context(self, certificate: Path | None = None) -> ssl.SSLContext:
        """A client's, that trusts the CA."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def serial(self) -> str:
        """Of the certificate that is shown to a new connection."""
        context = self.context()
        with (
            socket.create_connection(("127.0.0.1", self.tls_port), 5) as sock,
            context.wrap_socket(sock, server_hostname="localhost") as secure,
        ):
            certificate: Any = secure.getpeercert()
        return str(certificate["serialNumber"])

    def figure(self, name: str) -> float:
        """One of /metrics."""
        lines = self.page("/metrics").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients, and ends them."""
    clients: list[KazooClient] = []

    def make(node: TlsNode, certificate: Path | None = None) -> KazooClient:
        client = KazooClient(
            f"127.0.0.1:{node.tls_port}",
            timeout=10,
            use_ssl=True,
            ca=str(node.authority.file),
            certfile=certificate and str(certificate),
            keyfile=certificate and str(certificate),
        )
        clients.append(client)
        client.start(timeout=20)
        return client

    yield make
    for client in clients:
        client.stop()
        client.close()


def test_client_over_tls_is_served_as_any(tmp_path: Path, connect: Connect) -> None:
    """Requests of a megabyte and pipelines; what it wrote is seen in plain too."""
    with TlsNode(tmp_path) as node:
        client = connect(node)
        client.create("/large", b"x" * 1_000_000)
        asked = [client.create_async(f"/n-{number:03d}") for number in range(300)]
        assert [answer.get(timeout=20) for answer in asked] == [f"/n-{n:03d}" for n in range(300)]
        plain = KazooClient(f"127.0.0.1:{node.port}", timeout=10)
        plain.start(timeout=20)
        assert plain.get("/large")[0] == b"x" * 1_000_000
        plain.stop()
        plain.close()


def test_openssl_shakes_hands_and_asks_ruok(tmp_path: Path) -> None:
    """Somebody else's TLS; four-letter commands are answered over it."""
    with TlsNode(tmp_path) as node:
        done = subprocess.run(
            [
                *("openssl", "s_client", "-connect", f"127.0.0.1:{node.tls_port}", "-quiet"),
                *("-CAfile", str(node.authority.file), "-verify_return_error"),
            ],
            input=b"ruok",
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert done.stdout == b"imok", done.stderr


def test_subject_of_a_certificate_is_an_identity(tmp_path: Path, connect: Connect) -> None:
    """Scheme x509: what belongs to a subject is closed to all others, and open to the super one."""
    with TlsNode(
        tmp_path, client_tls_client_auth="want", auth_super_subject="O=Example,CN=root"
    ) as node:
        reader = node.authority.sign("/CN=reader/O=Example", tmp_path / "reader.pem")
        root = node.authority.sign("/CN=root/O=Example", tmp_path / "root.pem")
        subject = "O=Example,CN=reader"
        acl = [ACL(Permissions.ALL, Id("x509", subject))]
        owner = connect(node, reader)
        owner.create("/own", b"mine", acl=acl)
        nobody = connect(node)
        with pytest.raises(NoAuthError):
            nobody.get("/own")
        assert connect(node, reader).get("/own")[0] == b"mine"
        assert connect(node, root).get("/own")[0] == b"mine"
        assert owner.get_acls("/own")[0][0].id == Id("x509", subject)


def test_needed_certificate_keeps_others_out(tmp_path: Path, connect: Connect) -> None:
    """None at all, and one of another CA."""
    with TlsNode(tmp_path, client_tls_client_auth="need") as node:
        client = node.authority.sign("/CN=client", tmp_path / "client.pem")
        connect(node, client).create("/in")
        stranger = CertificateAuthority(tmp_path / "other").sign("/CN=client", tmp_path / "no.pem")
        for certificate in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError)):  # TLS 1.3 tells at the first read
                speak(node, node.context(certificate))
        wait_until(lambda: node.figure("unsuccessful_handshake") == 2)
        assert node.figure("outstanding_tls_handshake") == 0


def test_plain_port_can_be_left_closed(tmp_path: Path, connect: Connect) -> None:
    """TLS is then the only way in."""
    with TlsNode(tmp_path, client_plain="false") as node:
        connect(node).create("/in")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", node.port), 5)


def test_renewed_certificate_is_shown_without_a_restart(tmp_path: Path, connect: Connect) -> None:
    """Whoever is connected stays; a file that cannot be read changes nothing."""
    with TlsNode(tmp_path) as node:
        client = connect(node)
        session = client.client_id
        before = node.serial()
        node.authority.sign("/CN=node", node.certificate)
        after = node.serial()
        assert after != before
        node.certificate.write_text("half of a certif")
        assert node.serial() == after
        assert len(node.events("files.reload_failed")) == 1
        client.create("/still")
        assert client.client_id == session


def test_silent_and_garbled_strangers_keep_nobody_out(tmp_path: Path, connect: Connect) -> None:
    """A hundred sockets that say nothing, and some that speak no TLS, beside a client that does."""
    with TlsNode(tmp_path) as node:
        place = ("127.0.0.1", node.tls_port)
        silent = [socket.create_connection(place, 5) for _ in range(100)]
        garbled = [socket.create_connection(place, 5) for _ in range(10)]
        for sock in garbled:
            sock.sendall(b"ruok" * 100)
        wait_until(lambda: node.figure("unsuccessful_handshake") == 10)
        assert node.figure("outstanding_tls_handshake") == 100
        connect(node).create("/in")
        for sock in (*silent, *garbled):
            sock.close()
        wait_until(lambda: node.figure("outstanding_tls_handshake") == 0)
        assert node.figure("num_alive_connections") == 1


def test_more_handshakes_than_places_wait_for_one(tmp_path: Path, connect: Connect) -> None:
    """The kernel keeps who knocks; they get in when others are done or gone."""
    with TlsNode(tmp_path) as node:
        place = ("127.0.0.1", node.tls_port)
        silent = [socket.create_connection(place, 5) for _ in range(256)]
        wait_until(lambda: node.figure("tls_handshake_exceeded") == 1)
        late = socket.create_connection(place, 5)
        silent.pop().close()
        with node.context().wrap_socket(late, server_hostname="localhost") as secure:
            secure.settimeout(5)
            secure.sendall(b"ruok")
            assert secure.recv(100) == b"imok"
        for sock in silent:
            sock.close()


def test_node_with_handshakes_under_way_stops_at_once(tmp_path: Path) -> None:
    """SIGTERM waits for nobody who has not said who it is."""
    with TlsNode(tmp_path) as node:
        silent = [socket.create_connection(("127.0.0.1", node.tls_port), 5) for _ in range(5)]
        wait_until(lambda: node.figure("outstanding_tls_handshake") == 5)
        assert node.terminate() == 0
        assert not [line for line in node.lines() if line["level"] in {"error", "critical"}]
        for sock in silent:
            sock.close()


def test_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """And the node ends."""
    node = TlsNode(tmp_path)
    node.certificate.write_text("no certificate")
    node.launch()
    assert node.wait() == 1
    (failed,) = node.events("node.failed")
    assert failed["reason"].startswith("client.tls_certificate, tls_key or tls_ca cannot be used")


def speak(node: TlsNode, context: ssl.SSLContext) -> bytes:
    """One command over TLS."""
    with (
        socket.create_connection(("127.0.0.1", node.tls_port), 5) as sock,
        context.wrap_socket(sock, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"ruok")
        answer = secure.recv(100)
        if not answer:
            raise ConnectionResetError("closed without an answer")
        return answer
