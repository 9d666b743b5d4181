"""How a checked configuration reaches the process that serves.

The library that checks it costs 18 MB of memory, which a server would hold for as long as it runs.
So the configuration is checked, written to an anonymous file, and the program replaced (exec, the
same process id) by one that reads it back as plain values and never loads that library.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn, cast

if TYPE_CHECKING:
    from raftkeeper.server.config import Config

ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(256 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(1024 * 1024),
}
"""How the C library's allocator should give memory back: batches and socket buffers of a megabyte
leave no holes behind. 10 MB less beside a million znodes, no CPU. It can only be told at the start
of a program; an operator's own environment outranks it."""


def exec_with(config: "Config", module: str, arguments: Sequence[str]) -> NoReturn:
    """Replaces this program by `module`, which calls `read_config`. `arguments` are for `ps` only."""
    fd = os.memfd_create("raftkeeper-config", 0)
    os.write(fd, config.model_dump_json().encode())
    os.lseek(fd, 0, os.SEEK_SET)
    os.set_inheritable(fd, True)
    command = [sys.executable, "-m", module, str(fd), *arguments]
    environment = {**ALLOCATOR, **os.environ}
    os.execve(sys.executable, command, environment)  # noqa: S606  our own interpreter, no shell


def read_config(fd: int) -> "Config":
    """The configuration that was handed over: the same attributes, already checked."""
    with open(fd, "rb") as file:
        return parse_config(file.read())


def parse_config(text: bytes) -> "Config":
    """The attributes of a configuration from its JSON; what JSON has no type for is restored."""
    plain = json.loads(text, object_hook=lambda fields: SimpleNamespace(**fields))
    plain.storage.data_dir = Path(plain.storage.data_dir)
    plain.four_letter.whitelist = tuple(plain.four_letter.whitelist)
    plain.ensemble.members = tuple(plain.ensemble.members)
    plain.ensemble.preferred_zones = tuple(plain.ensemble.preferred_zones)
    plain.peer.tls_names = tuple(plain.peer.tls_names)
    plain.open_addresses = vars(plain.open_addresses)
    return cast("Config", plain)
