"""A torn tail is cut, anything else is damage."""

import logging

import pytest
from tests.unit.storage.log_bench import LogBench

from raftkeeper.storage.errors import StorageError
from raftkeeper.storage.hard_state import LogEnd
from raftkeeper.storage.layout import RESTART

BIG = b"x" * 1200


def test_the_log_is_read_as_it_was_written(bench: "LogBench") -> None:
    """Over several segments, with terms and memberships."""
    for index in range(1, 9):
        bench.append((index, 1 + index // 4, 3 if index in {1, 5} else 2, BIG))
    image = bench.scan()
    assert (image.index.first_index, image.index.last_index) == (1, 8)
    assert image.index.term_starts == ((1, 1), (4, 2), (8, 3))
    assert [index for index, _ in image.configs] == [1, 5]
    assert len(image.segments) == 4
    assert list(bench.open().read(3, 5)) == [(3, 1, 2, BIG), (4, 2, 2, BIG), (5, 2, 3, BIG)]


def test_a_torn_last_block_is_cut_with_a_line_in_the_log(
    bench: "LogBench", caplog: pytest.LogCaptureFixture
) -> None:
    """And its remains never disturb what is written later."""
    bench.append((1, 1, 2, b"kept"))
    sequence, offset = bench.append((2, 1, 2, BIG))
    bench.content(sequence)[offset : offset + 512] = bytes(512)
    with caplog.at_level(logging.WARNING):
        bench.open()
    assert f"at byte {offset}, is torn" in caplog.text
    assert not any(bench.content(sequence)[offset:])
    for index in range(2, 8):
        bench.append((index, 2, 2, b"new" * 300))
    assert bench.scan().index.last_index == 7


@pytest.mark.parametrize("ruin", ["one bit", "zeros", "its segment is gone"])
def test_a_last_block_that_was_durable_is_damage(bench: "LogBench", ruin: str) -> None:
    """Nothing is cut off, so whoever looks later finds the same; what came behind it may be torn."""
    bench.append((1, 1, 2, BIG))
    bench.append((2, 1, 2, BIG))
    sequence, offset = bench.append((3, 1, 2, BIG))
    end = bench.wal.end
    assert (sequence, end.segment) == (2, 2)
    content = bench.content(sequence)
    if ruin == "one bit":
        content[offset + 100] ^= 1
    elif ruin == "zeros":
        content[offset : end.offset] = bytes(end.offset - offset)
    else:
        bench.files.remove(bench.wal._segments[-1].path)
    for _ in range(2):
        with pytest.raises(StorageError, match=f"was durable up to byte {end.offset} of segment 2"):
            bench.scan(durable_end=end)
    assert bench.scan(durable_end=LogEnd(1, 512 + 1536)).index.last_index == 2


def test_a_torn_block_behind_the_durable_end_is_cut(bench: "LogBench") -> None:
    """What was durable is the least, not the most."""
    bench.append((1, 1, 2, b"kept"))
    end = bench.wal.end
    sequence, offset = bench.append((2, 1, 2, BIG))
    bench.content(sequence)[offset + 600] ^= 1
    assert bench.scan(durable_end=end).index.last_index == 1
    assert not any(bench.content(sequence)[offset:])


def test_a_purged_segment_that_was_durable_is_not_missed(bench: "LogBench") -> None:
    """The log is beyond that place."""
    for index in range(1, 7):
        bench.append((index, 1, 2, BIG))
    bench.files.remove(bench.wal._segments[0].path)
    image = bench.scan(durable_end=LogEnd(1, 4096))
    assert (image.index.first_index, image.index.last_index) == (3, 6)


def test_a_torn_first_block_of_a_new_segment_is_cut(bench: "LogBench") -> None:
    """The log goes on in the segment before."""
    for index in range(1, 3):
        bench.append((index, 1, 2, BIG))
    sequence, offset = bench.append((3, 1, 2, BIG))
    assert (sequence, offset) == (2, 512)
    bench.content(2)[offset + 40] ^= 1
    bench.open()
    assert bench.wal.last_index == 2
    bench.append((3, 2, 2, b"small"))
    assert list(bench.open().read(3, 3)) == [(3, 2, 2, b"small")]


@pytest.mark.parametrize("victim", range(5))
def test_a_bad_block_with_others_behind_it_is_damage(bench: "LogBench", victim: int) -> None:
    """In the same segment or in a later one, rotten or all zeros."""
    places = [bench.append((index, 1, 2, BIG)) for index in range(1, 7)]
    sequence, offset = places[victim]
    content = bench.content(sequence)
    saved = bytes(content)
    content[offset + 100] ^= 4
    with pytest.raises(StorageError, match=f"at byte {offset}"):
        bench.scan()
    content[:] = saved
    content[offset : offset + 1536] = bytes(1536)
    with pytest.raises(StorageError):
        bench.scan()


def test_a_missing_block_is_damage_though_the_indexes_go_on(bench: "LogBench") -> None:
    """A block that was replaced later leaves no gap in the indexes, but in the chain."""
    bench.append((1, 1, 2, BIG))
    bench.append((2, 1, 2, BIG))
    sequence, _ = bench.append((2, 2, 2, BIG))
    assert sequence == 2
    assert bench.scan().index.term_starts == ((1, 1), (2, 2))
    bench.content(1)[512 + 1536 :] = bytes(4096 - 512 - 1536)
    with pytest.raises(StorageError, match="the block before this one is missing"):
        bench.scan()


def test_the_first_block_of_all_cannot_be_missing(bench: "LogBench") -> None:
    """The second one says that there was another."""
    bench.append((1, 1, 2, BIG))
    bench.append((1, 2, 2, BIG))
    content = bench.content(1)
    content[512:2048] = content[2048:3584]
    content[2048:3584] = bytes(1536)
    with pytest.raises(StorageError, match="first block of the log is missing"):
        bench.scan()


def test_a_missing_segment_is_damage(bench: "LogBench") -> None:
    """Only the oldest may go, and only behind a snapshot."""
    for index in range(1, 9):
        bench.append((index, 1, 2, BIG))
    bench.files.remove(bench.wal._segments[1].path)
    with pytest.raises(StorageError, match="is missing"):
        bench.scan()


def test_a_later_block_replaces_entries_without_writing_over_them(bench: "LogBench") -> None:
    """How a follower's log is corrected."""
    bench.append((1, 1, 2, b"a"), (2, 1, 3, b"b"), (3, 1, 2, b"c"))
    bench.append((2, 2, 2, b"B"))
    bench.append((3, 2, 2, b"C"), (4, 2, 2, b"D"))
    expected = [(1, 1, 2, b"a"), (2, 2, 2, b"B"), (3, 2, 2, b"C"), (4, 2, 2, b"D")]
    assert list(bench.wal.read(1, 4)) == expected
    assert list(bench.open().read(1, 4)) == expected
    assert bench.scan().configs == []


@pytest.mark.parametrize(
    "records", [[(2, 0, 2, b"")], [(3, 0, 2, b"")], [(3, 2, 2, b""), (4, 1, 2, b"")]]
)
def test_a_fall_of_terms_is_damage(bench: "LogBench", records: list) -> None:
    """An entry is never of an older term than the one before it."""
    bench.append((1, 1, 2, b""), (2, 1, 2, b""))
    bench.append(*records)
    with pytest.raises(StorageError, match="the term falls"):
        bench.scan()


def test_an_entry_of_a_later_term_may_be_replaced_by_one_of_an_earlier(bench: "LogBench") -> None:
    """A leader of term 4 brings entry 2 of term 2 to a member that had one of term 3 there."""
    bench.append((1, 1, 2, b""), (2, 3, 2, b"never committed"))
    bench.append((2, 2, 2, b""), (3, 4, 1, b""))
    assert bench.scan().index.term_starts == ((1, 1), (2, 2), (3, 4))


def test_a_gap_is_damage(bench: "LogBench") -> None:
    """Behind the last entry, and behind a restart."""
    bench.append((1, 1, 2, b""))
    bench.append((9, 2, 2, b"x"))
    with pytest.raises(StorageError, match="entries 2 to 8 missing"):
        bench.scan()


def test_a_gap_behind_a_restart_is_damage(bench: "LogBench") -> None:
    """The log goes on right behind the snapshot."""
    bench.append((1, 1, 2, b""))
    bench.append((8, 2, RESTART, b""))
    assert bench.scan().restart_index == 8
    bench.append((10, 2, 2, b"x"))
    with pytest.raises(StorageError, match="entries 9 to 9 missing"):
        bench.scan()


def test_the_very_same_entry_may_be_written_twice(bench: "LogBench") -> None:
    """Two leaders' words in one turn of the loop: one cuts an entry off, the next brings it back."""
    bench.append((1, 1, 2, b""), (2, 2, 2, b"x"))
    bench.append((2, 2, 2, b"x"), (3, 4, 2, b"y"))
    image = bench.scan()
    assert image.index.term_starts == ((1, 1), (2, 2), (3, 4))
    assert [record[3] for record in bench.open().read(2, 3)] == [b"x", b"y"]


def test_a_missing_first_segment_is_damage(bench: "LogBench") -> None:
    """Also where only a segment that lay ready is left: it must not pass for a new log."""
    bench.append((1, 1, 2, b"acknowledged"))
    bench.wal.add_spare(bench.maker.make(2))
    bench.files.remove(bench.wal._segments[0].path)
    with pytest.raises(StorageError, match=r"00001.log: this segment of the log is missing"):
        bench.scan()


def test_a_segment_of_another_cluster_is_refused(bench: "LogBench") -> None:
    """Whoever mixes directories hears it."""
    with pytest.raises(StorageError, match="another cluster"):
        bench.scan(cluster_id=b"16 bytes of else")


@pytest.mark.parametrize("offset", [0, 5, 9, 20, 30, 40, 200, 510])
def test_a_damaged_header_is_damage(bench: "LogBench", offset: int) -> None:
    """A segment has its name only once its header is durable."""
    bench.content(1)[offset] ^= 1
    with pytest.raises(StorageError, match="header is damaged"):
        bench.scan()


def test_a_segment_cut_short_or_renamed_is_damage(bench: "LogBench") -> None:
    """Its header says how long it is, and which."""
    del bench.content(1)[4000:]
    with pytest.raises(StorageError, match="another length"):
        bench.scan()


def test_unfinished_segments_are_removed(bench: "LogBench") -> None:
    """They held nothing yet."""
    path = bench.wal._segments[0].path.with_name("00000000000000000002.log.tmp")
    bench.files.create(path)
    bench.scan()
    assert path not in bench.files.paths()
