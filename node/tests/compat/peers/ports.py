"""Ports for servers that tests start.

Not those that the kernel hands out (bind to port 0): from that range it also takes the ports of outgoing
connections, and one that anybody opens before the server has bound takes its port away.
"""

import itertools
import random
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
FIRST, LAST = 10_000, 32_000
"""Below the range of outgoing connections: 32,768 and up on Linux, 49,152 and up elsewhere."""


def _ports() -> Iterator[int]:
    """All of them, again and again, each process from a place of its own."""
    everything = range(FIRST, LAST)
    start = random.randrange(len(everything))  # no secret: two runs are to be apart
    return itertools.cycle([*everything[start:], *everything[:start]])


_next_ports = _ports()


def free_port() -> int:
    """One that nobody listens on now, and that this process has not given out for long."""
    for port in itertools.islice(_next_ports, LAST - FIRST):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
    raise OSError(f"no port between {FIRST} and {LAST} is free")


def free_ports(count: int) -> list[int]:
    """Several, all different."""
    return [free_port() for _ in range(count)]
