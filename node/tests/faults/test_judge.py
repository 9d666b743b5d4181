"""The judge of the fault run: it passes what a right service answers, and catches each way to be wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.faults.ensemble.history import (
    BAD_VERSION,
    FOREVER_US,
    NO_NODE,
    NODE_EXISTS,
    SYSTEM_ERROR,
    UNANSWERED,
    History,
    Kind,
    Space,
)
from tests.faults.ensemble.judge import judge
from tests.faults.ensemble.sightings import Final
from tests.faults.history_story import Story


def complaints(story: Story, finals: Sequence[Final] = ()) -> list[str]:
    return judge(story.history(), finals).complaints


def assert_caught(story: Story, words: str, finals: Sequence[Final] = ()) -> None:
    """Exactly this is complained about, whatever else follows from it."""
    found = complaints(story, finals)
    assert any(words in complaint for complaint in found), found


@pytest.fixture(name="story")
def _story() -> Story:
    story = Story()
    story.make()
    story.set()
    return story


def test_right_answers_pass(story: Story) -> None:
    """Sets, a multi, refusals, hidden and revealed writes, old reads, latches, ends of sessions."""
    story.get()
    old = story.register
    story.set(session=2)
    # A node that is behind shows an older state, as of an older zxid, to a session that saw no newer one.
    story.get(
        session=3, zxid=story.zxid - 1, value=old[0], czxid=old[1], mzxid=old[2], version=old[3]
    )
    story.get(session=3, synced_us=story.now_us + 1)
    story.lose(done=True, session=4)
    story.get(session=4)
    story.lose(done=True, session=4)
    story.set(session=5)
    story.lose(done=False, session=4)
    story.zxid += 1
    story.add(
        kind=Kind.SET,
        value=story.new_value(),
        expected=0,
        error=BAD_VERSION,
        zxid=story.zxid,
        session=5,
    )
    story.add(kind=Kind.SET, value=story.new_value(), error=SYSTEM_ERROR, zxid=3, session=9)
    made = story.latch(Kind.CREATE)
    story.latch(Kind.CREATE, NODE_EXISTS, czxid=0)
    story.latch(Kind.GET, czxid=made.czxid, mzxid=made.czxid, value=made.value)
    story.latch(Kind.DELETE)
    story.latch(Kind.GET, NO_NODE)
    story.add(kind=Kind.PARENT, space=Space.LATCH, version=2, mzxid=story.zxid, zxid=story.zxid)
    story.append(0)
    story.append(1)
    mine = story.ephemeral(Kind.CREATE, session=6, number=7)
    story.ephemeral(Kind.GET, session=5, number=7, value=mine.value, mzxid=mine.zxid)
    story.ephemeral(Kind.CLOSE, session=6)
    story.ephemeral(Kind.GET, session=5, number=7, error=NO_NODE)
    queue = frozenset((0, 1))
    finals = [Final(node, queue, frozenset()) for node in (1, 2, 3)]
    assert complaints(story, finals) == []


def test_history_survives_a_file(story: Story, tmp_path: Path) -> None:
    """It can be judged again later."""
    story.history().save(tmp_path / "history")
    assert list(History.load(tmp_path / "history")) == story.records


def test_write_that_was_lost_is_caught(story: Story) -> None:
    """A read behind a sync does not show it."""
    lost = story.register
    story.set()
    story.register = lost
    story.zxid -= 1
    story.get(session=2, synced_us=story.now_us + 1)
    assert_caught(story, "a read behind a sync showed the state at")


def test_lost_write_is_caught_by_its_version(story: Story) -> None:
    """The next write gets its version once more."""
    lost = story.register
    story.set()
    story.register = lost
    story.set()
    assert_caught(story, "after version")


def test_read_that_is_older_than_its_zxid_is_caught(story: Story) -> None:
    """It says that it knows a write and does not show it."""
    old = story.register
    story.set()
    story.get(value=old[0], mzxid=old[2], version=old[3])
    assert_caught(story, "a read at 0x3 should show 0x3")


def test_invented_value_is_caught(story: Story) -> None:
    """Nobody wrote it."""
    story.get(value=99)
    assert_caught(story, "which nobody wrote")


def test_value_of_another_znode_is_caught(story: Story) -> None:
    """It was written elsewhere."""
    other = story.set(number=1)
    story.get(number=0, value=other.value)
    assert_caught(story, "written to another znode")


def test_refused_write_that_shows_is_caught(story: Story) -> None:
    """It was answered with an error."""
    value = story.new_value()
    story.zxid += 1
    story.add(kind=Kind.SET, value=value, expected=0, error=BAD_VERSION, zxid=story.zxid)
    story.get(value=value, mzxid=story.zxid, version=2)
    assert_caught(story, "whose write was refused")


def test_node_that_refused_a_write_and_did_it_is_caught(story: Story) -> None:
    """As one with a full disk would."""
    value = story.new_value()
    story.add(kind=Kind.SET, value=value, error=SYSTEM_ERROR, zxid=story.zxid)
    story.zxid += 1
    story.get(value=value, mzxid=story.zxid, version=2)
    assert_caught(story, "whose write was refused")


def test_write_done_twice_is_caught(story: Story) -> None:
    """An unanswered one that is shown as of two zxids."""
    lost = story.lose(done=True)
    story.get(session=2)
    story.set(session=2)
    story.zxid += 1
    story.get(session=2, value=lost.value, mzxid=story.zxid, version=4)
    assert_caught(story, "was done twice")


def test_writes_against_real_time_are_caught(story: Story) -> None:
    """The later one has the lower zxid."""
    first = story.set(session=2)
    second = story.set(session=3)
    story.records[-2:] = [
        first._replace(zxid=second.zxid, mzxid=second.zxid, version=second.version),
        second._replace(zxid=first.zxid, mzxid=first.zxid, version=first.version),
    ]
    assert_caught(story, "was asked for after")


def test_overlapping_writes_may_stand_in_any_order(story: Story) -> None:
    """Neither had returned when the other was asked for."""
    first = story.set(session=2)
    second = story.set(session=3, invoked_us=first.invoked_us)
    story.records[-2:] = [
        first._replace(zxid=second.zxid, mzxid=second.zxid, version=second.version),
        second._replace(zxid=first.zxid, mzxid=first.zxid, version=first.version),
    ]
    assert complaints(story) == []


def test_session_whose_writes_change_places_is_caught(story: Story) -> None:
    """They were sent in a pipeline, so real time says nothing."""
    first = story.set()
    second = story.set(invoked_us=first.invoked_us)
    story.records[-2:] = [
        first._replace(zxid=second.zxid, mzxid=second.zxid, version=second.version),
        second._replace(zxid=first.zxid, mzxid=first.zxid, version=first.version),
    ]
    assert_caught(story, "session 1: 0x3 after 0x4")


def test_late_write_of_an_old_connection_is_caught(story: Story) -> None:
    """The session wrote something else since, on its new connection."""
    lost = story.lose(done=False)
    story.set()
    story.zxid += 1
    story.get(session=2, value=lost.value, mzxid=story.zxid, version=3)
    assert_caught(story, "session 1:")


def test_session_that_goes_back_in_time_is_caught(story: Story) -> None:
    """It reads at a node that is behind what it has seen."""
    old = story.register
    story.set()
    story.get(zxid=story.zxid - 1, value=old[0], mzxid=old[2], version=old[3])
    assert_caught(story, "session 1: 0x2 after 0x3")


def test_zxid_that_is_given_twice_is_caught(story: Story) -> None:
    """To two writes that are no multi."""
    story.set(session=2, number=1)
    story.set(session=3, number=2, zxid=story.zxid)
    assert_caught(story, "was given twice")


def test_multi_has_one_zxid(story: Story) -> None:
    """Its halves name each other."""
    one = story.set(number=0)
    two = one._replace(number=1, value=story.new_value(), partner=one.value, version=1)
    story.records[-1] = one._replace(partner=two.value)
    story.records.append(two)
    assert complaints(story) == []


def test_half_a_multi_is_caught(story: Story) -> None:
    """One half was seen, so the other must be there as well."""
    story.set(number=1, session=2, version=1)
    one = story.lose(done=True)
    two = story.new_value()
    story.records[-1] = one._replace(partner=two)
    story.records.append(one._replace(number=1, value=two, partner=one.value))
    story.get(session=2)
    known = next(r for r in story.records if r.number == 1)
    story.get(session=2, number=1, value=known.value, mzxid=known.mzxid, version=1)
    assert_caught(story, "register 1: a read at")


def test_version_that_skips_is_caught(story: Story) -> None:
    """Nobody could have written what lies between."""
    story.set(version=4)
    assert_caught(story, "nobody wrote what lies between")


def test_one_unanswered_write_explains_one_version(story: Story) -> None:
    """And not two."""
    story.lose(done=True, session=2)
    story.set()
    assert complaints(story) == []
    story.set(version=5)
    assert_caught(story, "nobody wrote what lies between")


def test_unanswered_write_explains_nothing_before_it_was_asked_for(story: Story) -> None:
    """The version had been skipped already."""
    story.set(version=3)
    story.lose(done=False, session=2)
    assert_caught(story, "nobody wrote what lies between")


def test_condition_that_was_not_held_to_is_caught(story: Story) -> None:
    """A set on version 0 when there was version 1."""
    story.set(expected=0)
    assert_caught(story, "a set on version 0 made version 2")


def test_wrong_refusal_is_caught(story: Story) -> None:
    """The version was right, and nobody came between."""
    story.zxid += 1
    value = story.new_value()
    story.add(kind=Kind.SET, value=value, expected=1, error=BAD_VERSION, zxid=story.zxid)
    story.set()
    assert_caught(story, "was refused and was right")


def test_latch_that_goes_without_a_delete_is_caught(story: Story) -> None:
    """Nobody deleted it."""
    story.latch(Kind.CREATE)
    story.latch(Kind.GET, NO_NODE)
    assert_caught(story, "nobody deleted it")


def test_latch_that_comes_without_a_create_is_caught(story: Story) -> None:
    """Nobody made it."""
    story.latch(Kind.CREATE, NODE_EXISTS, czxid=0)
    assert_caught(story, "nobody made it")


def test_unanswered_delete_explains_one_absence(story: Story) -> None:
    """The latch was made, went, was made and went again."""
    story.latch(Kind.CREATE)
    story.latch(Kind.DELETE, UNANSWERED, zxid=0, returned_us=FOREVER_US, session=2)
    story.latch(Kind.GET, NO_NODE)
    story.latch(Kind.CREATE)
    assert complaints(story) == []
    story.latch(Kind.CREATE)
    assert_caught(story, "nobody deleted it")


def test_deleted_latch_that_shows_is_caught(story: Story) -> None:
    """As of a zxid after its end."""
    made = story.latch(Kind.CREATE)
    story.latch(Kind.DELETE)
    story.latch(Kind.GET, czxid=made.czxid, mzxid=made.czxid, value=made.value)
    assert_caught(story, "was shown although it was deleted since")


def test_folder_that_counts_wrongly_is_caught(story: Story) -> None:
    """One change is missing in its cversion."""
    story.latch(Kind.CREATE)
    story.latch(Kind.DELETE)
    story.add(kind=Kind.PARENT, space=Space.LATCH, version=1, mzxid=story.zxid, zxid=story.zxid)
    assert_caught(story, "the folder has counted 1 changes of 2")


def test_folder_with_an_old_pzxid_is_caught(story: Story) -> None:
    """It does not name the last change."""
    story.latch(Kind.CREATE)
    story.latch(Kind.DELETE)
    story.add(kind=Kind.PARENT, space=Space.LATCH, version=2, mzxid=3, zxid=story.zxid)
    assert_caught(story, "the folder's pzxid does not know")


def test_number_given_twice_is_caught(story: Story) -> None:
    """To two entries of the queue."""
    story.append(4)
    story.append(4)
    assert_caught(story, "the number 4 was given twice")


def test_number_that_goes_back_is_caught(story: Story) -> None:
    """It fell."""
    story.append(4)
    story.append(3)
    assert_caught(story, "number 3 was given at")


def test_acknowledged_entry_that_one_node_lacks_is_caught(story: Story) -> None:
    """The others have it."""
    story.append(0)
    story.append(1)
    finals = [Final(1, frozenset((0, 1)), frozenset()), Final(2, frozenset((0,)), frozenset())]
    assert_caught(story, "node 2 has lost 1 acknowledged entries", finals)


def test_entry_that_nobody_appended_is_caught(story: Story) -> None:
    """There was no unanswered append."""
    story.append(0)
    assert_caught(story, "shows 1 entries more", [Final(1, frozenset((0, 1)), frozenset())])


def test_ephemeral_that_outlives_a_close_is_caught(story: Story) -> None:
    """The close had been answered."""
    mine = story.ephemeral(Kind.CREATE, session=2, number=7)
    story.ephemeral(Kind.CLOSE, session=2)
    story.ephemeral(Kind.GET, session=3, number=7, value=mine.value, mzxid=mine.zxid)
    assert_caught(story, "outlived the end of its session")


def test_ephemeral_that_outlives_an_expiry_is_caught(story: Story) -> None:
    """Its client had been told, and a sync came after."""
    mine = story.ephemeral(Kind.CREATE, session=2, number=7)
    story.ephemeral(Kind.EXPIRED, session=2, zxid=0)
    told = {"value": mine.value, "mzxid": mine.zxid}
    story.ephemeral(Kind.GET, session=3, number=7, **told)
    assert complaints(story) == []
    story.ephemeral(Kind.GET, session=3, number=7, synced_us=story.now_us + 1, **told)
    assert_caught(story, "outlived the expiry of its session")


def test_ephemeral_that_dies_before_its_session_is_caught(story: Story) -> None:
    """The session wrote something afterwards."""
    story.ephemeral(Kind.CREATE, session=2, number=7)
    story.ephemeral(Kind.GET, session=3, number=7, error=NO_NODE)
    story.set(session=2)
    assert_caught(story, "was gone while its session lived")


def test_ephemeral_that_is_missing_in_the_end_is_caught(story: Story) -> None:
    """Its session neither closed nor expired."""
    story.ephemeral(Kind.CREATE, session=2, number=7)
    assert_caught(story, "is lost, its session lives", [Final(1, frozenset(), frozenset())])


def test_every_single_change_of_a_random_history_is_caught() -> None:
    """Many sessions, one register: any acknowledged set left out of the service's state shows."""
    rng = random.Random(7)
    for _ in range(20):
        story = Story()
        story.make()
        lost_at = rng.randrange(5, 35)
        for turn in range(40):
            before = (story.register, story.zxid)
            story.set(session=rng.randrange(1, 9))
            if turn == lost_at:
                story.register, story.zxid = before
            elif rng.random() < 0.5:
                story.get(session=rng.randrange(1, 9))
        assert complaints(story) != []
