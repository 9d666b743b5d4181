"""A member is wrong when a majority of voters says the same against it; otherwise nobody is."""

from raftkeeper.raft import Membership
from raftkeeper.server import limits
from raftkeeper.server.ensemble.digests import Digests

THREE = Membership.of(voters=[1, 2, 3], learners=[4])
GOOD, BAD = 0x600D, 0xBAD
EVERY = limits.DIGEST_EVERY_ENTRIES


def test_equal_states_are_remembered_as_compared() -> None:
    """What an operator wants to see."""
    digests = Digests(1)
    assert not digests.hear(2, EVERY, 5, GOOD, THREE)
    assert not digests.take(EVERY, 5, GOOD, THREE)
    assert digests.compared_index == EVERY


def test_majority_against_it_makes_a_member_wrong() -> None:
    """Whether it hears of it before or after its own digest."""
    before, after = Digests(1), Digests(1)
    for member in (2, 3):
        before.hear(member, EVERY, 5, GOOD, THREE)
    assert before.take(EVERY, 5, BAD, THREE) == {2, 3}
    after.take(EVERY, 5, BAD, THREE)
    assert not after.hear(2, EVERY, 5, GOOD, THREE)
    assert after.hear(3, EVERY, 5, GOOD, THREE) == {2, 3}


def test_one_against_one_decides_nothing() -> None:
    """Two of three that differ: either may be the wrong one."""
    digests = Digests(1)
    digests.take(EVERY, 5, GOOD, THREE)
    assert not digests.hear(2, EVERY, 5, BAD, THREE)
    assert digests.compared_index == 0


def test_learners_have_no_say_but_may_be_wrong() -> None:
    """One voter and one learner are no majority; three voters against a learner are."""
    voter = Digests(1)
    voter.take(EVERY, 5, GOOD, THREE)
    voter.hear(2, EVERY, 5, BAD, THREE)
    assert not voter.hear(4, EVERY, 5, BAD, THREE)
    learner = Digests(4)
    learner.take(EVERY, 5, BAD, THREE)
    learner.hear(1, EVERY, 5, GOOD, THREE)
    assert learner.hear(2, EVERY, 5, GOOD, THREE) == {1, 2}


def test_others_that_disagree_among_themselves_prove_nothing() -> None:
    """A majority has to say the same."""
    digests = Digests(1)
    digests.take(EVERY, 5, GOOD, THREE)
    digests.hear(2, EVERY, 5, BAD, THREE)
    assert not digests.hear(3, EVERY, 5, BAD + 1, THREE)


def test_zxid_is_part_of_the_state() -> None:
    """Equal trees that were reached by another number of writes differ."""
    digests = Digests(1)
    digests.take(EVERY, 5, GOOD, THREE)
    digests.hear(2, EVERY, 6, GOOD, THREE)
    assert digests.hear(3, EVERY, 6, GOOD, THREE) == {2, 3}


def test_memory_is_bounded_whoever_is_ahead() -> None:
    """A member that is far behind hears of many indexes, one that is alone takes many."""
    digests = Digests(1)
    for step in range(1, 500):
        digests.hear(2, step * EVERY, 5, GOOD, THREE)
    for step in range(600, 1100):
        digests.take(step * EVERY, 5, GOOD, THREE)
    assert len(digests._states) <= 2 * limits.DIGESTS_KEPT + 1
    assert not digests.hear(3, EVERY, 5, BAD, THREE)


def test_member_that_left_is_forgotten() -> None:
    """Its last words are no evidence any more."""
    digests = Digests(1)
    digests.hear(2, EVERY, 5, GOOD, THREE)
    digests.keep_members({3})
    digests.take(EVERY, 5, BAD, THREE)
    assert not digests.hear(3, EVERY, 5, GOOD, THREE)
