"""Clusters of cores under random faults keep Raft's promises, and go on when the faults stop."""

import pytest
from tests.unit.raft.random_cluster import STEPS, RandomCluster, run_seed

from raftkeeper.raft import MESSAGES

SEEDS = range(1, 41)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cluster_keeps_its_promises_whatever_happens(seed: int) -> None:
    """One leader a term, log matching, leader completeness, nothing committed lost, progress."""
    run_seed(seed)


def test_the_stories_are_worth_telling() -> None:
    """Together the seeds elect, commit, change, install snapshots and repair: else they say little."""
    stories = [RandomCluster(seed) for seed in SEEDS]
    for story in stories:
        story.run(STEPS)
    assert sum(len(story.checks.leaders) for story in stories) > 2 * len(stories)
    assert sum(len(story.checks.acknowledged) for story in stories) > 10 * len(stories)
    assert sum(len(story.members) > 5 for story in stories) > 0
    kinds = {message for story in stories for message in story.sent}
    assert len(kinds) == len(MESSAGES), f"some messages were never sent: {kinds}"
    assert sum(story.installed for story in stories) > 10
    assert sum(story.replaced for story in stories) > 3


def test_a_seed_tells_the_same_story_again() -> None:
    """Else a failure could not be looked at."""
    one, two = run_seed(7), run_seed(7)
    assert one.checks.states == two.checks.states
