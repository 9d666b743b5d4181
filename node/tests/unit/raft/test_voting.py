"""Who stands, who votes, and when a vote counts."""

from tests.raft.cluster_runner import ClusterScenario
from tests.unit.raft.ensemble import core_of, ensemble

from raftkeeper.raft import (
    Role,
    VoteReply,
    VoteRequest,
)


def test_a_campaign_of_the_leader_is_nothing() -> None:
    """It leads already; and only the leader's connection matters."""
    core = core_of(ensemble(), 1)
    core.campaign()
    core.leader_unreachable(2)
    core_of(ensemble("nodes 3 learners=4"), 4).leader_unreachable(1)
    assert (core.role, core.term) == (Role.LEADER, 2)


def test_the_votes_of_all_others_do_not_stand_in_for_the_own() -> None:
    """Else a crash could make this member vote for another in the term it leads."""
    scenario = ClusterScenario()
    for line in ("nodes 3", "campaign 1", "deliver", "deliver", "deliver"):
        scenario.do(line)
    for line in ("persist 2", "persist 3", "deliver"):
        scenario.do(line)
    assert core_of(scenario, 1).role is Role.CANDIDATE
    scenario.do("persist 1")
    assert core_of(scenario, 1).role is Role.LEADER


def test_nobody_votes_for_a_log_that_lacks_something() -> None:
    """Not even when the leader has asked for the election."""
    core = core_of(ensemble(), 2)
    for term, (last_index, last_term) in enumerate([(1, 1), (9, 1), (1, 2)], start=3):
        core.step(VoteRequest(3, 2, term, last_index, last_term, True))
        ready = core.ready()
        assert ready.messages_after_persist == (VoteReply(2, 3, term, False),)
        core.persisted(ready.number)
    core.step(VoteRequest(3, 2, 6, 2, 2, True))
    assert core.ready().messages_after_persist == (VoteReply(2, 3, 6, True),)
