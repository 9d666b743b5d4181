"""An ensemble with a leader, for tests that look at one decision of one member."""

from tests.raft.cluster_runner import ClusterScenario

from raftkeeper.raft import RaftCore


def ensemble(first: str = "nodes 3", **limits: int) -> ClusterScenario:
    """Some members, of which 1 leads."""
    scenario = ClusterScenario()
    scenario.limits = limits
    scenario.do(first)
    assert scenario.do("elect 1") == "leader in term 2"
    return scenario


def core_of(scenario: ClusterScenario, member: int) -> RaftCore:
    return scenario.nodes[member].alive
