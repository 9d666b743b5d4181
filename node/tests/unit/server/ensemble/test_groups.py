"""Groups are kept until settled, taken in without a gap, and never mixed between links."""

from tests.unit.server.ensemble.stand_ins import GroupEngine

from raftkeeper.server.ensemble.groups import Arrivals, OwnGroups


def own_groups(engine: GroupEngine, bytes_max: int = 100) -> OwnGroups:
    own = OwnGroups(engine, bytes_max)  # type: ignore[arg-type]
    own.enabled = True
    return own


def test_group_is_kept_until_the_engine_has_seen_its_end() -> None:
    """A leader may die with it at any time before."""
    engine = GroupEngine()
    own = own_groups(engine)
    engine.gathered.extend([b"a", b"b"])
    own.take()
    own.take()
    assert own.settle() == 2
    engine.groups_settled = 1
    assert own.settle() == 1
    assert (own.kept[0].number, own.bytes_kept) == (2, 1)


def test_no_group_is_taken_while_too_much_is_kept() -> None:
    """Then the engine stops reading its clients, and memory stays bounded."""
    engine = GroupEngine()
    own = own_groups(engine, bytes_max=3)
    engine.gathered.extend([b"long", b"b"])
    assert own.take() is not None
    assert own.take() is None
    assert list(engine.gathered) == [b"b"]


def test_node_whose_state_may_be_old_sends_no_groups() -> None:
    """It does not know the number of its run yet."""
    engine = GroupEngine()
    engine.gathered.append(b"a")
    assert OwnGroups(engine, 100).take() is None  # type: ignore[arg-type]


def test_group_that_went_twice_is_taken_in_once() -> None:
    """After a change of term a follower sends all again over the same link."""
    arrivals = Arrivals()
    assert arrivals.add(2, 7, b"seven")
    assert arrivals.add(2, 7, b"seven")
    assert arrivals.add(2, 8, b"eight")
    assert [arrival.data for arrival in arrivals.queue] == [b"seven", b"eight"]


def test_gap_within_a_link_is_noticed() -> None:
    """No sound link leaves one out: that would lose acknowledged order."""
    arrivals = Arrivals()
    assert arrivals.add(2, 7, b"seven")
    assert not arrivals.add(2, 9, b"nine")
    assert [arrival.data for arrival in arrivals.queue] == [b"seven"]


def test_new_link_begins_anew_and_drops_what_waits() -> None:
    """It brings the first unsettled group again, so what waited would only go twice."""
    arrivals = Arrivals()
    arrivals.add(2, 7, b"seven")
    arrivals.add(3, 1, b"other")
    arrivals.forget_link(2)
    assert arrivals.add(2, 5, b"five")
    assert [arrival.data for arrival in arrivals.queue] == [b"other", b"five"]


def test_entry_takes_what_fits_and_one_group_at_least() -> None:
    """In the order of arrival."""
    arrivals = Arrivals()
    for number, data in enumerate([b"xxxx", b"yy", b"zzzzzzzzzz"], start=1):
        arrivals.add(2, number, data)
    assert [arrival.data for arrival in arrivals.take(6)] == [b"xxxx", b"yy"]
    assert [arrival.data for arrival in arrivals.take(6)] == [b"zzzzzzzzzz"]
    assert arrivals.take(6) == []
