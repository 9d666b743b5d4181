"""What is left when disks are lost: whose are whole, and who of those that can be asked knows most."""

from collections.abc import Iterable, Mapping

from tests.model.ensemble import Broken, Disk
from tests.model.kubernetes import ModelClaim

from raftkeeper_operator.decide.facts import quorum
from raftkeeper_operator.observe.ensemble import Member


def whole_voters(claims: Iterable[ModelClaim], voters: list[Member]) -> list[Member]:
    """Those whose disks are there."""
    lives = {c.disk.incarnation for c in claims if not c.terminating and not c.lost}
    return [voter for voter in voters if voter.incarnation in lives]


def majority_is_gone(claims: Iterable[ModelClaim], members: Iterable[Member]) -> bool:
    """Fewer than a majority of the voters' disks are there: nobody can heal that."""
    voters = [member for member in members if member.votes]
    return len(whole_voters(claims, voters)) < quorum(len(voters))


def check_survivor(name: str, asked: Mapping[str, Disk]) -> None:
    """Of the voters that can be asked nobody knows more. Where none can, one that was removed is taken."""
    if not asked:
        return
    known = {pod: (disk.term, disk.last_index) for pod, disk in asked.items()}
    best = max(known, key=lambda pod: known[pod])
    if name not in known or known[name] < known[best]:
        raise Broken(f"{name} is to survive, and {best} knows more")
