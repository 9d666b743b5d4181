"""Tries ports as a stranger would, and prints what came of it. Runs inside a pod, so it imports nothing of ours.

`plain:HOST:PORT` sends a ZooKeeper greeting, `tls:HOST:PORT` the same over TLS, without a certificate
of its own and without looking at the server's. One line of JSON: target → answered, refused, unreachable.
"""

import json
import socket
import ssl
import struct
import sys

TIMEOUT_S = 4.0
GREETING = struct.pack(">iiqiq", 45, 0, 0, 10_000, 0) + struct.pack(">i", 16) + b"\0" * 16 + b"\0"


def main() -> None:
    print(json.dumps({target: probe(target) for target in sys.argv[1:]}))


def probe(target: str) -> str:
    """`unreachable`: nobody said anything, not even no."""
    how, host, port = target.split(":")
    try:
        connection = socket.create_connection((host, int(port)), TIMEOUT_S)
    except TimeoutError:
        return "unreachable"
    except OSError:
        return "refused"
    with connection:
        try:
            if how == "tls":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(connection)
            connection.sendall(GREETING)
            return "answered" if connection.recv(4) else "refused"
        except OSError:
            return "refused"


if __name__ == "__main__":
    main()
