"""Deliberate bugs: each is a patch that the simulator must notice, or the simulator is worth little.

They are put into the real code by replacing a function, and taken out again. Which seed catches which
is kept beside the tests (node/tests/sim/mutations.toml). To be used in tests only.
"""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from raftkeeper.raft import (
    Append,
    Membership,
    Ready,
    Role,
    VoteRequest,
    change,
    following,
    leadership,
    reads,
    voting,
)
from raftkeeper.raft.leadership import Leadership, advance_commit
from raftkeeper.raft.log import RaftLog
from raftkeeper.raft.messages import NOBODY
from raftkeeper.raft.quorum import decide_commit_index, majority
from raftkeeper.storage import Writer
from raftkeeper.storage.log_scan import LogScan
from raftkeeper.storage.segments import Segment
from raftkeeper.testing.faulty_files import FaultyFiles
from raftkeeper.testing.sim_core_node import CoreNode
from raftkeeper.testing.sim_machine import Machine

Replace = Callable[[Any, str, Any], None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """`apply` puts the bug in with the function it is given: (owner, name, replacement)."""

    name: str
    story: str
    level: str
    apply: Callable[[Replace], None]


MUTATIONS: dict[str, Mutation] = {}


@contextmanager
def switched_on(mutation: Mutation | None) -> Iterator[None]:
    """The bug is there inside, and gone afterwards."""
    with ExitStack() as undo:

        def replace(owner: Any, name: str, value: Any) -> None:
            undo.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        if mutation is not None:
            mutation.apply(replace)
        yield


def mutation(story: str, level: str = "core") -> Callable[[Callable[[Replace], None]], None]:
    """Registers a bug under the name of its function."""

    def register(apply: Callable[[Replace], None]) -> None:
        name = apply.__name__
        MUTATIONS[name] = Mutation(name, story, level, apply)

    return register


def replace_everywhere(replace: Replace, function: Any, other: Any) -> None:
    """In every module that has imported the function by name."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith("raftkeeper.") and "testing" not in name:
            for attribute, value in list(vars(module).items()):
                if value is function:
                    replace(module, attribute, other)


# -- elections


@mutation("term is written, the vote in it is not: after a crash the member votes a second time")
def vote_not_persisted(replace: Replace) -> None:
    write = Writer.write

    def forgetful(self: Writer, number: int, hard_state: Any, records: Any, **restart: Any) -> None:
        write(self, number, hard_state and (hard_state[0], 0), records, **restart)

    replace(Writer, "write", forgetful)


@mutation("a vote is given to anybody, however much its log lacks")
def vote_for_a_shorter_log(replace: Replace) -> None:
    replace(RaftLog, "is_covered_by", lambda *_: True)


@mutation("a member gives its vote in a term to everybody who asks")
def two_votes_in_a_term(replace: Replace) -> None:
    def generous(core: Any, request: VoteRequest) -> None:
        leader_id = core.leader_id
        if core.role is Role.FOLLOWER:
            core.vote = core.leader_id = NOBODY
        on_vote_request(core, request)
        core.leader_id = leader_id

    on_vote_request = voting.on_vote_request
    replace(voting, "on_vote_request", generous)


@mutation("a candidate says that it has entries which are not on its disk yet")
def undurable_entries_claimed(replace: Replace) -> None:
    replace(RaftLog, "is_durable", True)


@mutation("the id of the newest member is given out again once that is gone")
def id_given_out_twice(replace: Replace) -> None:
    build = change._build

    def forget(now: Membership, *sets: Any) -> Membership:
        built = build(now, *sets)
        return dataclasses.replace(built, next_id=max(built.everyone) + 1)

    replace(change, "_build", forget)


@mutation("a member whose disk is gone starts again under its old id, and votes")
def id_reused_after_a_wipe(replace: Replace) -> None:
    wipe = Machine.wipe

    def keep_the_id(self: Machine) -> None:
        member, incarnation = self.member, self.incarnation
        wipe(self)
        if member:
            self.incarnation = incarnation
            self.bind(member)
            self.world.loop.after(10_000, self.start)

    replace(Machine, "wipe", keep_the_id)


# -- replication and commit


@mutation("an entry of an earlier term is committed by counting its copies (Raft, figure 8)")
def old_term_committed_by_counting(replace: Replace) -> None:
    def count(core: Any, lead: Leadership) -> None:
        advance_commit(core, lead)
        index = decide_commit_index(core.membership, lead.match)
        if index > core.commit_index:
            core.commit_index = index

    replace_everywhere(replace, advance_commit, count)


@mutation("learners count for the commit")
def learner_counted_in_a_quorum(replace: Replace) -> None:
    def count(membership: Membership, match: Any) -> int:
        everyone = membership.voters | membership.learners
        return decide_commit_index(Membership.of(everyone, (), membership.outgoing), match)

    replace(leadership, "decide_commit_index", count)


@mutation("members that were removed go on counting for the commit")
def removed_member_still_counted(replace: Replace) -> None:
    follow = Leadership.follow_membership

    def keep_match(self: Leadership, core: Any) -> None:
        before = dict(getattr(self, "match", {}))
        follow(self, core)
        self.match.update(before)

    def count(membership: Membership, match: Any) -> int:
        voters = [index for member, index in match.items() if member not in membership.learners]
        enough = majority(len(membership.voters))
        return sorted(voters, reverse=True)[enough - 1] if len(voters) >= enough else 0

    replace(Leadership, "follow_membership", keep_match)
    replace(leadership, "decide_commit_index", count)


@mutation("while a change of the voters is under way only the new ones are asked")
def old_voters_not_asked(replace: Replace) -> None:
    def count(membership: Membership, match: Any) -> int:
        return decide_commit_index(Membership.of(membership.voters), match)

    replace(leadership, "decide_commit_index", count)


@mutation("votes and acknowledgements leave before the disk has what they rest on")
def answer_before_the_fsync(replace: Replace) -> None:
    persist = CoreNode._persist

    def hasty(self: CoreNode, ready: Ready) -> None:
        for message in ready.messages_after_persist:
            self._send(message)
        persist(self, ready._replace(messages_after_persist=()))

    replace(CoreNode, "_persist", hasty)


@mutation("a follower cuts its log off behind every message, late and repeated ones too")
def committed_entries_cut_off(replace: Replace) -> None:
    take = following._take

    def cut_first(core: Any, entries: Any) -> None:
        if entries and entries[0].index <= core.last_index:
            core.log.truncate_from(entries[0].index)
        take(core, entries)

    replace(following, "_take", cut_first)


@mutation("a follower does not look whether its log and the leader's are the same before an entry")
def entries_taken_without_a_match(replace: Replace) -> None:
    def trusting(core: Any, append: Append) -> None:
        own = core.log.term_at(append.prev_index)
        on_append(core, append if own is None else append._replace(prev_term=own))

    on_append = following.on_append
    replace(following, "on_append", trusting)


# -- reads


@mutation("a leader grants reads without asking whether it still leads")
def read_without_a_quorum(replace: Replace) -> None:
    replace(reads, "has_quorum", lambda *_: True)


@mutation("a new leader grants reads before an entry of its own term is committed")
def read_before_the_first_commit(replace: Replace) -> None:
    replace(reads, "is_in_charge", lambda *_: True)


@mutation("answers to reads of the life before are taken for those of this one")
def read_contexts_start_again(replace: Replace) -> None:
    init = reads.Reads.__init__
    replace(reads.Reads, "__init__", lambda self, _nonce: init(self, 0))


@mutation("a granted read is served before its index is applied")
def read_before_it_is_applied(replace: Replace) -> None:
    def hasty(self: CoreNode) -> None:
        granted, self._reads[:] = list(self._reads), []
        for _, token in granted:
            self.world.clients.read_done(token, self.core.applied_index)

    replace(CoreNode, "_serve_reads", hasty)


# -- the disk


@mutation("new names of files are not synced with their directory")
def directory_not_synced(replace: Replace) -> None:
    replace(FaultyFiles, "sync_directory", lambda *_: None)


@mutation("after a snapshot of another member the old log goes on counting")
def log_not_restarted(replace: Replace) -> None:
    write = Writer.write

    def go_on(self: Writer, number: int, hard_state: Any, records: Any, **_: Any) -> None:
        write(self, number, hard_state, records)

    replace(Writer, "write", go_on)
    replace(Writer, "restart", lambda *_: None)


@mutation("a bad block in the middle of the log is cut off like a torn one, with all behind it")
def damage_taken_for_a_torn_block(replace: Replace) -> None:
    def cut_all(self: LogScan, segment: Segment, data: bytes, offset: int) -> None:
        rest = data[offset:].rstrip(b"\0")
        if rest:
            self._torn = (segment, offset, offset + len(rest))

    replace(LogScan, "_check_rest", cut_all)


@mutation("a last block that has rotted is cut off like a torn one, although it was durable once")
def durable_end_not_believed(replace: Replace) -> None:
    replace(LogScan, "_check_end", lambda _: None)
