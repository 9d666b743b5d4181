"""Deliberate bugs of whole nodes: in the driver, or as the engine would behave with one.

The engine is not patched: what it gives and takes is changed on its way. To be used in tests only.
"""

import struct

from raftkeeper.raft import Membership, Ready, leadership
from raftkeeper.server.ensemble import levels
from raftkeeper.server.ensemble.barriers import Barriers
from raftkeeper.server.ensemble.digests import Digests
from raftkeeper.server.ensemble.installing import Installer
from raftkeeper.storage import DataDirectory
from raftkeeper.testing.sim_mutations import Replace, mutation
from raftkeeper.testing.sim_watched import WatchedCore, WatchedEngine

_ENTRY_HEADER_BYTES = 9
_GROUP = struct.Struct(">IIQQ")
"""How a group begins: member, run, origin, sequence; a length follows."""
_GROUP_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">ii")
"""How an answer begins: length, xid."""
_XID_EVENT = -1


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


@mutation("a snapshot leaves out which groups of each member were applied", level="node")
def sequences_left_out_of_snapshots(replace: Replace) -> None:
    restore_end = WatchedEngine.restore_end

    def forget(self: WatchedEngine) -> None:
        restore_end(self)
        self.__dict__["_runs"] = set()

    def take(self: WatchedEngine, index: int, payload: bytes, now_us: int) -> None:
        """What goes on from a group that is not known of is a gap, and is not applied."""
        entry = payload
        runs: set[tuple[int, int, int]] | None = self.__dict__.get("_runs")
        if runs is not None and payload:
            kept = [payload[:_ENTRY_HEADER_BYTES]]
            for group in _cut_groups(payload):
                *run, sequence = _GROUP.unpack_from(group)
                if sequence <= 1:
                    runs.add(tuple(run))
                if tuple(run) in runs or sequence == 0:
                    kept.append(group)
            payload = b"".join(kept)
        self._engine.apply(index, payload, now_us)
        self.tell_applied(index, entry)

    replace(WatchedEngine, "restore_end", forget)
    replace(WatchedEngine, "apply", take)


@mutation("answers that are ready at the same moment leave in another order", level="node")
def answers_out_of_order(replace: Replace) -> None:
    def take_replies(self: WatchedEngine) -> list[tuple[int, bytes]]:
        return [
            (conn, b"".join(reversed(_cut_frames(data))))
            for conn, data in self._engine.take_replies()
        ]

    replace(WatchedEngine, "take_replies", take_replies)


@mutation("what watches say leaves behind the answers of the same moment", level="node")
def events_behind_answers(replace: Replace) -> None:
    def take_replies(self: WatchedEngine) -> list[tuple[int, bytes]]:
        return [(conn, _put_events_last(data)) for conn, data in self._engine.take_replies()]

    replace(WatchedEngine, "take_replies", take_replies)


@mutation(
    "the newer form of an entry is written before all members are known to read it", level="node"
)
def newer_form_before_its_level(replace: Replace) -> None:
    follow = levels.Levels.follow

    def write_at_once(self: levels.Levels, membership: Membership) -> None:
        follow(self, membership)
        self._engine.enforce_quotas(True)

    replace(levels.Levels, "follow", write_at_once)


@mutation("the feature level is raised without those who are away", level="node")
def level_raised_without_the_absent(replace: Replace) -> None:
    replace(levels, "level_of_all", lambda own, others: min([own, *filter(None, others)]))


@mutation("the end of a joint change forgets the feature level in use", level="node")
def level_forgotten_by_a_change(replace: Replace) -> None:
    def forget(joint: Membership) -> Membership:
        return Membership.of(joint.voters, joint.learners, (), joint.members, joint.next_id)

    replace(leadership, "leave_joint", forget)


def _cut_groups(payload: bytes) -> list[bytes]:
    groups = []
    at = _ENTRY_HEADER_BYTES
    while at < len(payload):
        (length,) = _GROUP_LENGTH.unpack_from(payload, at + _GROUP.size)
        end = at + _GROUP.size + _GROUP_LENGTH.size + length
        groups.append(payload[at:end])
        at = end
    return groups


def _put_events_last(data: bytes) -> bytes:
    frames = _cut_frames(data)
    events = [frame for frame in frames if _FRAME.unpack_from(frame)[1] == _XID_EVENT]
    return b"".join([frame for frame in frames if frame not in events] + events)


def _cut_frames(data: bytes) -> list[bytes]:
    frames = []
    at = 0
    while at < len(data):
        end = at + 4 + _FRAME.unpack_from(data, at)[0]
        frames.append(data[at:end])
        at = end
    return frames


@mutation(
    "that its state is wrong a member knows in memory only: after a start it serves", level="node"
)
def wrong_state_forgotten(replace: Replace) -> None:
    replace(DataDirectory, "mark_diverged", lambda *_: None)


@mutation(
    "a snapshot that heals is loaded although it is ahead of what the core hands over", level="node"
)
def healed_ahead_of_the_log(replace: Replace) -> None:
    def load_at_once(self: Installer) -> None:
        meta, self._healer = self._healer, None
        if meta is not None:
            self._host.load(meta, lambda _meta: self.healed())

    replace(Installer, "_go_on", load_at_once)


@mutation("nobody compares what it hears of other states with its own", level="node")
def states_not_compared(replace: Replace) -> None:
    replace(Digests, "_judge", lambda *_: frozenset())
