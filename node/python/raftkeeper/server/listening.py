"""Binding of the node's ports, early and with a sentence a person can use when it fails."""

import errno
import socket

from raftkeeper.server.errors import NodeError

EVERYWHERE, EVERYWHERE_4 = "::", "0.0.0.0"
NO_VERSION_6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""What binding to `::` fails with on a host that has version 4 of IP alone."""


def bind(address: str, port: int, section: str, key: str = "port") -> socket.socket:
    """A bound TCP socket that does not listen yet. `section` and `key` of the configuration are to
    blame. `::` is every address of both versions of IP, or of version 4 where a host has no other.
    """
    try:
        infos = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise NodeError(f"{section}.listen: {address!r} is no address: {error.strerror}") from error
    family, kind, protocol, _, place = infos[0]
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if address == EVERYWHERE and error.errno in NO_VERSION_6:
            return bind(EVERYWHERE_4, port, section, key)
        raise NodeError(_sentence(error, address, port, section, key)) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # `::` means every address, those of version 4 too, whatever the host's default is.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(place)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if address == EVERYWHERE and error.errno in NO_VERSION_6:
            return bind(EVERYWHERE_4, port, section, key)
        raise NodeError(_sentence(error, address, port, section, key)) from error
    return sock


def _sentence(error: OSError, address: str, port: int, section: str, key: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {address} is in use, by another node perhaps: "
            f"stop it, or choose another {section}.{key}"
        )
    if error.errno == errno.EACCES:
        return f"no permission for port {port} on {address}: choose {section}.{key} above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is no address of this host: correct {section}.listen"
    return f"cannot bind {address}:{port} ({section}.listen, {section}.{key}): {error.strerror}"
