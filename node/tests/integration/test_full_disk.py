"""Claims about a disk without space: writes are refused, reads go on, and it heals by itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.node_process import NodeProcess, wait_until
from tests.integration.wire import Wire

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", "--lazy", str(mount)], check=True)


def test_full_disk_refuses_writes_and_heals(tmp_path: Path, small_disk: Path) -> None:
    """SYSTEMERROR for writes, reads as ever; after space returned, writes again, and no restart."""
    ballast = small_disk / "ballast"
    with NodeProcess(
        tmp_path,
        storage_data_dir=small_disk / "data",
        storage_segment_bytes=9 * MIB,
        storage_batch_bytes_max=64 * 1024,
    ) as node:
        with Wire(node.port) as client:
            client.handshake(timeout_ms=30_000)
            client.create("/a", b"before")
            fill(ballast, small_disk)
            error, written = 0, 0
            while error == 0 and written < 64:
                error = client.set("/a", b"x" * 500_000).error
                written += error == 0
            assert error == -1, f"{written} writes of 0.5 MB were taken by a full disk"
            assert len(client.get("/a").data()) == 500_000
            assert node.ready()[1]["writes_refused"]
            assert node.events("storage.full")
            ballast.unlink()
            wait_until(lambda: client.set("/a", b"after").error == 0)
            assert node.events("storage.room_again")
        node.kill()
        node.start()
        with Wire(node.port) as client:
            client.handshake()
            assert client.get("/a").data() == b"after"


def fill(ballast: Path, disk: Path) -> None:
    """Takes what is free, but for less than a segment."""
    with ballast.open("wb") as file:
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        file.write(b"\0" * max(0, free - 4 * MIB))
