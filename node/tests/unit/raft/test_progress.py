"""What a leader keeps about one follower."""

from raftkeeper.raft.progress import CAUGHT_UP_ROUNDS, FollowerState, Progress


def test_the_window_is_bounded_by_count_and_bytes() -> None:
    """The first message may always go, however long it is."""
    progress = Progress(1)
    assert progress.has_room(2, 100)
    progress.sent(1, 1000)
    assert not progress.has_room(2, 100)
    assert progress.accepted(1)
    progress.sent(2, 10)
    assert progress.has_room(2, 100)
    progress.sent(3, 10)
    assert not progress.has_room(2, 100)
    assert (progress.in_flight, progress.next_index) == (2, 4)
    progress.accepted(3)
    assert progress.in_flight == 0


def test_old_news_is_no_news() -> None:
    """A match never goes back."""
    progress = Progress(1)
    assert progress.accepted(5)
    assert (progress.match_index, progress.next_index) == (5, 6)
    assert not progress.accepted(5)
    assert not progress.accepted(3)
    assert progress.match_index == 5


def test_a_probe_never_asks_before_what_is_known() -> None:
    """And forgets what was under way."""
    progress = Progress(9)
    progress.accepted(4)
    progress.become_replicate()
    progress.sent(7, 10)
    progress.become_probe(2)
    assert (progress.state, progress.next_index) == (FollowerState.PROBE, 5)
    assert progress.in_flight == 0


def test_what_is_stuck_is_asked_about_once_between_two_reminders() -> None:
    """Not what moves, and not what has everything."""
    progress = Progress(1)
    progress.become_replicate()
    progress.sent(3, 10)
    progress.remind()
    assert not progress.nudge
    progress.remind()
    assert progress.nudge
    progress.accepted(3)
    progress.remind()
    assert not progress.nudge
    progress.remind()
    assert not progress.nudge


def test_a_learner_has_caught_up_after_some_short_rounds() -> None:
    """A long one begins the count anew, and so does one that takes too long already."""
    progress = Progress(11)
    assert not progress.is_caught_up(5)
    progress.accepted(10)
    for _ in range(CAUGHT_UP_ROUNDS):
        progress.heard(10, 5)
    assert progress.is_caught_up(5)
    progress.heard(20, 5)
    for _ in range(6):
        progress.tick()
    assert not progress.is_caught_up(5)
    progress.accepted(20)
    progress.heard(20, 5)
    assert not progress.is_caught_up(5)
