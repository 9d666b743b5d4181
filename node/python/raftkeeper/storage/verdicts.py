"""What a member has found out against its own data, each in a file, so that its next start knows it too.

    file = JSON {version, incarnation, reason, members}, newline, "crc32c xxxxxxxx", newline

`damaged`     the disk has lost what the member had acknowledged. No node starts on these data.
`diverged`    the state is another than that of the other members. A node starts, serves nobody, and
              takes the state of one of those that are named.

A verdict is about one life of the disk, so beside the data of another it says nothing. One that cannot
be read counts: it was there for a reason.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from raftkeeper._engine import crc32c
from raftkeeper.storage.files import Files, read_whole, replace_file
from raftkeeper.storage.layout import FORMAT_VERSION


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why, and which members know better."""

    reason: str
    members: tuple[int, ...] = ()


def write_verdict(files: Files, path: Path, incarnation: bytes, verdict: Verdict) -> None:
    """Durable on return."""
    body = json.dumps(
        {
            "version": FORMAT_VERSION,
            "incarnation": incarnation.hex(),
            "reason": verdict.reason,
            "members": list(verdict.members),
        }
    ).encode()
    replace_file(files, path, body + f"\ncrc32c {crc32c(body):08x}\n".encode())


def read_verdict(files: Files, path: Path, incarnation: bytes) -> Verdict | None:
    """None where there is none about this life of the disk."""
    try:
        data = read_whole(files, path)
    except FileNotFoundError:
        return None
    body, _, seal = data.partition(b"\n")
    if seal != f"crc32c {crc32c(body):08x}\n".encode():
        return Verdict(f"{path} says why, and cannot be read")
    value = json.loads(body)
    if value["incarnation"] != incarnation.hex():
        return None
    return Verdict(value["reason"], tuple(value["members"]))


def drop_verdict(files: Files, path: Path) -> None:
    """It is true no more; durable on return."""
    files.remove(path)
    files.sync_directory(path.parent)
