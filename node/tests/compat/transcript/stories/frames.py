"""Frames: lengths out of bounds, halves, garbage, four-letter words, values near the limit."""

from __future__ import annotations

import struct

from ..run import Run
from ..verbs import create_op, delete_op

CHILDREN, CHILDREN_EACH = 6_000, 2_000

FRAME_BYTES_MAX = 0xFFFFF
CREATE_OVERHEAD = 8 + 4 + len("/frames/x") + 4 + 4 + (4 + 4 + 5 + 4 + 6) + 4


def story(run: Run) -> None:
    a = run.client("a")
    a.create("/frames", b"")
    # The largest frame, and one byte more.
    a.create("/frames/x", b"l" * (FRAME_BYTES_MAX - CREATE_OVERHEAD))
    a.exists("/frames/x")
    a.get_data("/frames/x")
    a.delete("/frames/x")
    _ended_by(run, "one byte too long", struct.pack(">i", FRAME_BYTES_MAX + 1))
    _ended_by(run, "2 GiB", struct.pack(">i", 2**31 - 1))
    _ended_by(run, "a negative length", struct.pack(">i", -1))
    _ended_by(run, "the most negative length", struct.pack(">i", -(2**31)))
    for length in range(8):
        _short(run, length)
    # Before any handshake.
    for shown, data in {
        "a negative length": struct.pack(">i", -1),
        "2 GiB": struct.pack(">i", 2**31 - 1),
        "an empty frame": struct.pack(">i", 0),
        "a frame of 8 zeros": struct.pack(">i", 8) + bytes(8),
        "a handshake cut at 27": struct.pack(">i", 27) + bytes(27),
        "text": b"GET / HTTP/1.1\r\n\r\n",
    }.items():
        client = run.connection(f"new, {shown}")
        client.send_bytes(data, shown)
        client.await_hang_up()
    _pieces(run)
    _large_replies(run)
    a.get_children("/frames")


def _ended_by(run: Run, shown: str, data: bytes) -> None:
    client = run.client(shown)
    client.send_bytes(data, shown)
    client.await_hang_up()


def _short(run: Run, length: int) -> None:
    """A frame too short for a request header."""
    client = run.client(f"{length} bytes")
    client.send_bytes(struct.pack(">i", length) + bytes(length), f"a frame of {length} zeros")
    client.await_hang_up()


def _large_replies(run: Run) -> None:
    """A reply may be larger than any request: a list of many children with long names."""
    a = run.client("large")
    a.create("/frames/many", b"")
    names = [f"{number:04}{'n' * 200}" for number in range(CHILDREN)]
    for start in range(0, CHILDREN, CHILDREN_EACH):
        a.multi(*(create_op(f"/frames/many/{name}") for name in names[start:][:CHILDREN_EACH]))
    a.get_children2("/frames/many")
    a.get_children("/frames/many", watch=True)
    a.get_all_children_number("/frames")
    for start in range(0, CHILDREN, CHILDREN_EACH):
        a.multi(*(delete_op(f"/frames/many/{name}") for name in names[start:][:CHILDREN_EACH]))
    a.delete("/frames/many")


def _pieces(run: Run) -> None:
    """A frame may come in any pieces, and several frames in one."""
    a = run.client("pieces")
    frame = struct.pack(">iii", 8, -2, 11)
    for byte in frame:
        a.send_bytes(bytes([byte]), "one byte of a ping")
    a.receive_unasked()
    a.send_bytes(frame * 3, "three pings at once")
    for _ in range(3):
        a.receive_unasked()
    a.ping()
