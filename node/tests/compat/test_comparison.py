"""The comparison itself: what it lets pass and what it does not."""

from __future__ import annotations

from tests.compat.transcript.comparison import Divergence, differences, judge
from tests.compat.transcript.masks import Masks
from tests.compat.transcript.recording import Recording, Step, parse_steps

ZOOKEEPER = [Step(1, "a > create", ["a < OK"]), Step(2, "a > get", ["a < NONODE"])]
NODE = [Step(1, "a > create", ["a < OK"]), Step(2, "a > get", ["a < OK data=x"])]
LISTED = Divergence("why", "story", (2,), zookeeper="NONODE", node="data=x")

STAT = {
    "czxid": 5,
    "mzxid": 5,
    "pzxid": 5,
    "ctime": 7,
    "mtime": 7,
    "version": 0,
    "cversion": 0,
    "aversion": 0,
    "ephemeralOwner": 0,
    "dataLength": 0,
    "numChildren": 0,
}


def test_equal_transcripts_have_no_differences() -> None:
    """Nothing is found where nothing differs."""
    assert differences("story", ZOOKEEPER, ZOOKEEPER) == []
    assert judge("story", [], []) == []


def test_an_unlisted_difference_fails() -> None:
    """What nobody intended is a complaint, with both answers in it."""
    (complaint,) = judge("story", differences("story", ZOOKEEPER, NODE), [])
    assert "NONODE" in complaint
    assert "data=x" in complaint


def test_a_listed_difference_passes() -> None:
    """What is intended is none."""
    assert judge("story", differences("story", ZOOKEEPER, NODE), [LISTED]) == []


def test_a_listed_difference_that_is_gone_fails() -> None:
    """The list may not say more than is true."""
    (complaint,) = judge("story", [], [LISTED])
    assert "it does not" in complaint


def test_a_difference_other_than_listed_fails() -> None:
    """A step on the list is no licence to answer anything."""
    other = [NODE[0], Step(2, "a > get", ["a < SYSTEMERROR"])]
    (complaint,) = judge("story", differences("story", ZOOKEEPER, other), [LISTED])
    assert "otherwise" in complaint


def test_a_listed_difference_of_another_story_does_not_count() -> None:
    """Entries are by story."""
    assert judge("other", differences("other", ZOOKEEPER, NODE), [LISTED])


def test_a_missing_step_is_a_difference() -> None:
    """A transcript that ends early is not equal."""
    (difference,) = differences("story", ZOOKEEPER, ZOOKEEPER[:1])
    assert difference.number == 2


def test_a_transcript_reads_back_as_it_was_written() -> None:
    """Golden files lose nothing."""
    recording = Recording("story", "about")
    for step in ZOOKEEPER:
        recording.begin(step.done).received.extend(step.received)
    assert parse_steps(recording.text()) == ZOOKEEPER


def test_zxids_are_masked_to_where_they_were_first_seen() -> None:
    """The number goes, the relation stays."""
    masks = Masks()
    assert masks.header_zxid(10, "1") == "new"
    assert masks.header_zxid(20, "2") == "new"
    assert masks.header_zxid(10, "3") == "@1"
    assert masks.zxid(20) == "@2"
    assert masks.zxid(15) == "after@1"
    assert masks.zxid(5) == "before"
    assert masks.zxid(25) == "beyond"
    assert masks.header_zxid(-1, "4") == "-1"


def test_times_are_masked_to_their_relation() -> None:
    """A node that was never changed was modified when it was created, or it shows."""
    assert "ctime=7 mtime=ctime " in Masks().stat(STAT)
    assert "mtime=ctime+1 " in Masks().stat({**STAT, "mtime": 8})
    assert "mtime=ctime-2 " in Masks().stat({**STAT, "mzxid": 6, "mtime": 5})
