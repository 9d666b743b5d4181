"""Deliberate bugs: each is a patch that the simulator must notice, or the simulator is worth little.

They are put into the real code by replacing a function, and taken out again. Which seed catches which
is kept beside the tests (node/tests/sim/mutations.toml). To be used in tests only.
"""

import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from raftkeeper.raft import Membership, Ready, leadership, reads
from raftkeeper.raft.leadership import Leadership, advance_commit
from raftkeeper.raft.log import RaftLog
from raftkeeper.raft.quorum import decide_commit_index, majority
from raftkeeper.server.ensemble.barriers import Barriers
from raftkeeper.storage import Writer
from raftkeeper.testing.faulty_files import FaultyFiles
from raftkeeper.testing.sim_core_node import CoreNode
from raftkeeper.testing.sim_full_node import WatchedCore, WatchedEngine
from raftkeeper.testing.sim_machine import Machine

_GROUP = struct.Struct(">IIQQ")
"""How a group begins: member, run, origin, sequence."""

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

    def forgetful(self: Writer, number: int, hard_state: Any, records: Any) -> None:
        write(self, number, hard_state and (hard_state[0], 0), records)

    replace(Writer, "write", forgetful)


@mutation("a vote is given to anybody, however much its log lacks")
def vote_for_a_shorter_log(replace: Replace) -> None:
    replace(RaftLog, "is_covered_by", lambda *_: True)


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
    from raftkeeper.raft import following

    take = following._take

    def cut_first(core: Any, entries: Any) -> None:
        if entries and entries[0].index <= core.last_index:
            core.log.truncate_from(entries[0].index)
        take(core, entries)

    replace(following, "_take", cut_first)


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
    replace(Writer, "restart", lambda *_: None)


# -- whole nodes


@mutation("a leader takes a group that was sent again for a new one", level="node")
def dedupe_table_dropped(replace: Replace) -> None:
    sealed: dict[tuple[int, int, int], int] = {}
    """(member, run, origin) to the last sequence that any leader has sealed."""

    def renumber(group: bytes) -> bytes:
        member, run, origin, sequence = _GROUP.unpack_from(group)
        if sequence > sealed.get((member, run, origin), 0):
            sealed[member, run, origin] = sequence
            return group
        # As the first group of a new run it is taken, whatever was taken before.
        return _GROUP.pack(member, run + 1, origin, 1) + group[_GROUP.size :]

    def seal(self: WatchedEngine, now_ms: int, groups: list[bytes]) -> bytes | None:
        return self._engine.seal_entry(now_ms, [renumber(group) for group in groups])

    replace(WatchedEngine, "seal_entry", seal)


@mutation("a sync is served by a node that asks nobody whether it is up to date", level="node")
def stale_node_serves_sync(replace: Replace) -> None:
    def pass_at_once(self: Barriers, token: int) -> None:
        if token > 0:
            self._engine.pass_barrier(token, self._engine.applied_index)
        else:
            self._core.read_index(token)

    replace(Barriers, "_ask", pass_at_once)


@mutation("a whole node answers before the disk has what the answer rests on", level="node")
def node_answers_before_the_fsync(replace: Replace) -> None:
    ready = WatchedCore.ready

    def hasty(self: WatchedCore) -> Ready:
        taken = ready(self)
        held = taken.messages_after_persist
        return taken._replace(messages=taken.messages + held, messages_after_persist=())

    replace(WatchedCore, "ready", hasty)


@mutation("every node takes itself for the one that decides which sessions expire", level="node")
def everybody_expires_sessions(replace: Replace) -> None:
    replace(WatchedEngine, "lead", lambda _self, _leading, _now_us: None)
