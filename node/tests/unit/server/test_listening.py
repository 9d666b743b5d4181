"""Binding: `::` is every address there is, whatever versions of IP the host has."""

import errno
import socket
from typing import Any

import pytest

from raftkeeper.server import listening
from raftkeeper.server.errors import NodeError
from raftkeeper.server.listening import bind


def reached(sock: socket.socket, address: str) -> bool:
    sock.listen(1)
    try:
        socket.create_connection((address, sock.getsockname()[1]), timeout=5).close()
    except OSError:
        return False
    return True


def test_everywhere_is_both_versions_of_ip() -> None:
    """A Kubernetes of version 6 alone, of version 4 alone, and of both has the same configuration."""
    with bind("::", 0, "client") as sock:
        assert reached(sock, "127.0.0.1")
        if sock.family == socket.AF_INET6:
            assert reached(sock, "::1")


@pytest.mark.parametrize("where", ["socket", "bind"])
def test_everywhere_is_version_4_where_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A host that was started with ipv6.disable=1 has not even such sockets."""
    real = socket.socket

    class WithoutVersion6(real):
        def __init__(self, family: int = socket.AF_INET, *rest: Any, **named: Any) -> None:
            if family == socket.AF_INET6 and where == "socket":
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *rest, **named)

        def bind(self, place: Any) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
            super().bind(place)

    monkeypatch.setattr(listening.socket, "socket", WithoutVersion6)
    with bind("::", 0, "client") as sock:
        assert sock.family == socket.AF_INET
        assert sock.getsockname()[0] == "0.0.0.0"
    with pytest.raises(NodeError, match=r"client\.listen"):
        bind("::1", 0, "client")
