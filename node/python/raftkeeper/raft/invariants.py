"""What must hold at all times, by number, and how a breach is said. Alive in production.

`check_core` reads everything and costs little, but not nothing: the simulator and the tests call it
after every step; the core itself checks only what it is about to rely on.
"""

from typing import TYPE_CHECKING, NoReturn

from raftkeeper.raft.messages import NOBODY, Role

if TYPE_CHECKING:
    from raftkeeper.raft.core import RaftCore


class InvariantBroken(Exception):
    """The state contradicts itself: the process must stop before it promises anything more."""


class AcknowledgedLost(InvariantBroken):
    """This member does not have what it had acknowledged: its disk has lost it. Whatever it says from
    now on, a vote above all, could undo what was committed with its help.
    """


def invariant(condition: object, sentence: str) -> None:
    """Raises InvariantBroken with the sentence that should have been true."""
    if not condition:
        raise InvariantBroken(sentence)


def broken(sentence: str) -> NoReturn:
    """For the path of every entry, where a sentence is only made when it turns out false."""
    raise InvariantBroken(sentence)


def check_core(core: "RaftCore") -> None:
    """Every property of one member's core."""
    _check_indexes(core)
    _check_role(core)
    _check_leadership(core)
    core.log.check()


def _check_indexes(core: "RaftCore") -> None:
    log = core.log
    invariant(core.applied_index <= core.commit_index, "1: only committed entries are applied")
    invariant(core.commit_index <= log.last_index, "2: only entries of the log are committed")
    invariant(log.persisted_index <= log.last_index, "3: only entries of the log are durable")
    invariant(core.applied_index <= log.persisted_index, "4: only durable entries are applied")
    invariant(log.first_index <= log.last_index + 1, "5: the log has no negative length")
    invariant(core.applied_index >= log.first_index - 1, "6: nothing unapplied is compacted")
    invariant((log.term_at(log.last_index) or 0) <= core.term, "7: no entry is of a term to come")


def _check_role(core: "RaftCore") -> None:
    me = core.config.member_id
    is_leader = core.role is Role.LEADER
    invariant(
        is_leader == (core.leader_id == me), "8: the leader, and nobody else, takes itself for it"
    )
    invariant(
        core.role not in (Role.CANDIDATE, Role.LEADER) or core.vote == me,
        "9: candidates and leaders have voted for themselves",
    )
    invariant(
        core.role in (Role.FOLLOWER, Role.LEADER) or core.leader_id == NOBODY,
        "10: who stands for election knows no leader",
    )
    invariant(core.term > 0 or core.vote == NOBODY, "11: there is no vote in term 0")
    invariant(is_leader == (core.leading is not None), "17: a leadership ends with its term")


def _check_leadership(core: "RaftCore") -> None:
    lead = core.leading
    if lead is None:
        return
    invariant(core.log.last_term == core.term, "18: a leader's last entry is of its own term")
    leaving = lead.followers.keys() - core.members
    invariant(core.members <= lead.followers.keys(), "19: a leader feeds all others")
    invariant(not leaving or lead.change_open, "20: and nobody else but those that are leaving")
    for member, progress in lead.followers.items():
        invariant(
            lead.match.get(member, 0) == progress.match_index,
            f"21: what counts for member {member} is what it has said",
        )
        invariant(
            progress.match_index < progress.next_index <= core.last_index + 1,
            f"22: what member {member} gets next continues what it has",
        )
        invariant(
            progress.in_flight <= core.config.window_count,
            f"23: what is under way to member {member} is bounded",
        )
