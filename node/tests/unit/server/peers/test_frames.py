"""Frames: cut right however the bytes come, and damage is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftkeeper.server.peers.frames import FrameError, FrameReader, frame


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 50))
def test_any_cut_of_the_stream_gives_the_same_bodies(bodies: list[bytes], step: int) -> None:
    """However TCP cuts the stream, the bodies that were framed come out, in order."""
    stream = b"".join(frame(body) for body in bodies)
    reader = FrameReader(1000)
    found = []
    for at in range(0, len(stream), step):
        reader.add(stream[at : at + step])
        found += reader.bodies()
    assert found == bodies
    assert reader.kept_bytes == 0


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_flipped_bit_is_never_taken_for_a_body(body: bytes, data: st.DataObject) -> None:
    """One bit that changed on the way ends the reading, or leaves it waiting; it gives no body."""
    good = bytearray(frame(body))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= 1 << data.draw(st.integers(0, 7))
    reader = FrameReader(1 << 40)
    reader.add(bytes(good))
    try:
        assert reader.bodies() == []
    except FrameError:
        pass


def test_a_length_beyond_the_bound_is_refused_before_its_bytes_come() -> None:
    """Eight bytes are enough to refuse a frame that would be too long to keep."""
    reader = FrameReader(10)
    reader.add(frame(b"x" * 11)[:8])
    with pytest.raises(FrameError, match="11 bytes; at most 10"):
        reader.bodies()


def test_what_was_not_asked_for_is_handed_on_whole() -> None:
    """After one body, the rest of the stream goes to the next reader without a loss."""
    reader = FrameReader(100)
    reader.add(frame(b"one") + frame(b"two")[:5])
    assert reader.bodies(1) == [b"one"]
    following = FrameReader(100)
    following.add(reader.take_rest())
    following.add(frame(b"two")[5:])
    assert following.bodies() == [b"two"]
    assert reader.kept_bytes == 0
