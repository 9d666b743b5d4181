"""The engine's disk thread, on real files."""

import ctypes
import os
import re
import select
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from raftkeeper._engine import DiskThread
from raftkeeper.storage.writer import EventFdWakeup

SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}.get(os.uname().machine, 0)
KERNEL = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


@pytest.fixture
def notify_fd() -> Iterator[int]:
    fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    yield fd
    os.close(fd)


def wait_for(thread: DiskThread, notify_fd: int, job: int) -> tuple[int, str, int]:
    """Until the job is done or the thread has failed."""
    wakeup = EventFdWakeup(notify_fd)
    while True:
        done = thread.done()
        if done[0] >= job or done[1]:
            return done
        assert select.select([notify_fd], [], [], 10)[0], "the disk thread says nothing"
        wakeup.drain()


def test_jobs_are_done_in_order_and_told(tmp_path: Path, notify_fd: int) -> None:
    """The number of the last one is published, and the loop is woken."""
    thread = DiskThread(notify_fd)
    fd = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    for at in range(100):
        job = thread.write_sync(fd, at * 3, f"{at:03}".encode())
        assert job == at + 1
    assert wait_for(thread, notify_fd, 100) == (100, "", 0)
    assert (tmp_path / "f").read_bytes() == "".join(f"{at:03}" for at in range(100)).encode()
    assert len(thread.fsync_us()) == 100
    assert thread.fsync_us() == []
    thread.close()
    os.close(fd)


def test_the_first_failure_is_final(tmp_path: Path, notify_fd: int) -> None:
    """Later jobs fail with the same error, even if they could be done."""
    thread = DiskThread(notify_fd)
    (tmp_path / "f").touch()
    read_only = os.open(tmp_path / "f", os.O_RDONLY)
    good = os.open(tmp_path / "g", os.O_RDWR | os.O_CREAT)
    first = thread.write_sync(good, 0, b"1")
    thread.write_sync(read_only, 0, b"x")
    last = thread.write_sync(good, 1, b"2")
    done, text, number = wait_for(thread, notify_fd, last)
    assert (done, number) == (first, 9)
    assert "Bad file descriptor" in text
    thread.write_sync(good, 2, b"3")
    thread.close()
    assert (tmp_path / "g").read_bytes() == b"1"
    os.close(read_only)
    os.close(good)


def test_closing_finishes_the_queue_and_refuses_more(tmp_path: Path, notify_fd: int) -> None:
    """Nothing that was handed over is dropped; closing twice is fine."""
    thread = DiskThread(notify_fd)
    fd = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    for at in range(50):
        thread.write_sync(fd, at, b"x")
    thread.close()
    thread.close()
    assert thread.done() == (50, "", 0)
    with pytest.raises(OSError, match="closed"):
        thread.write_sync(fd, 0, b"y")
    os.close(fd)


def test_a_descriptor_that_is_none_fails(notify_fd: int) -> None:
    """Instead of writing anywhere."""
    thread = DiskThread(notify_fd)
    job = thread.write_sync(-1, 0, b"x")
    assert wait_for(thread, notify_fd, job)[2] == 9
    thread.close()


def test_draining_a_quiet_eventfd_is_fine(notify_fd: int) -> None:
    """The driver drains whenever it looks."""
    wakeup = EventFdWakeup(notify_fd)
    wakeup.drain()
    wakeup.notify()
    assert select.select([notify_fd], [], [], 0)[0]
    wakeup.drain()
    assert not select.select([notify_fd], [], [], 0)[0]


@pytest.mark.skipif(not SCHED_GETATTR or KERNEL < (6, 12), reason="this kernel has no such wish")
def test_short_slices_are_asked_for(tmp_path: Path, notify_fd: int) -> None:
    """By the disk's thread, and not by the one that made it: it runs briefly and is waited for."""
    thread = DiskThread(notify_fd)
    fd = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    wait_for(thread, notify_fd, thread.write_sync(fd, 0, b"x"))
    slices = {
        (task / "comm").read_text().strip(): slice_us_of(int(task.name))
        for task in Path("/proc/self/task").iterdir()
    }
    assert slices["raftkeeper-disk"] == 100
    assert slice_us_of(os.getpid()) != 100
    thread.close()
    os.close(fd)


def slice_us_of(thread_id: int) -> int:
    """What the scheduler gives a thread at a stretch."""
    attributes = ctypes.create_string_buffer(48)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(SCHED_GETATTR, thread_id, attributes, 48, 0) == 0, ctypes.get_errno()
    runtime_ns: int = struct.unpack_from("=Q", attributes, 24)[0]
    return runtime_ns // 1000
