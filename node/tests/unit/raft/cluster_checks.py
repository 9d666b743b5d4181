"""What must hold between the members of a random cluster, checked after every single step.

Each checker remembers all that ever was and is told of everything new; none looks into the others.
"""

from tests.unit.raft.cluster_member import Disk, Member

from raftkeeper.raft import (
    AppendReply,
    Entry,
    HeartbeatReply,
    Message,
    RaftCore,
    ReadGrant,
    Ready,
    Role,
    VoteReply,
    check_core,
)


class ClusterChecks:
    """Raft's promises (Raft, figure 3), and those of reads and of the disk."""

    def __init__(self) -> None:
        self.leaders: dict[int, int] = {}
        self.entries: dict[tuple[int, int], tuple[Entry, int | None]] = {}
        self.committed: dict[int, Entry] = {}
        self.states: dict[int, int] = {0: 0}
        self.acknowledged: dict[int, bytes] = {}
        self.votes: dict[tuple[int, int], int] = {}
        self.commit_known = 0
        self.reads: dict[tuple[int, int], int] = {}

    def after_step(self, member: Member) -> None:
        """One leader a term, with every committed entry; and the core's own invariants."""
        core = member.core
        if core is None:
            return
        check_core(core)
        self.commit_known = max(self.commit_known, core.commit_index)
        if core.role is Role.LEADER and self.leaders.get(core.term) is None:
            self._check_leader_completeness(core)
        if core.role is Role.LEADER:
            leader = self.leaders.setdefault(core.term, member.id)
            assert leader == member.id, f"term {core.term} has leaders {leader} and {member.id}"

    def _check_leader_completeness(self, core: RaftCore) -> None:
        # One entry is enough: log matching speaks for those before it.
        last = max(self.committed, default=0)
        if last >= core.first_index:
            term = core.term_at(last)
            assert term == self.committed[last].term, (
                f"the leader of {core.term} lacks entry {last}"
            )
        assert core.last_index >= last, f"the leader of {core.term} ends before entry {last}"

    def on_ready(self, core: RaftCore, ready: Ready) -> None:
        """Log matching: equal index and term means equal entry and equal predecessor."""
        for entry in ready.entries:
            value = (entry, core.term_at(entry.index - 1))
            known = self.entries.setdefault((entry.index, entry.term), value)
            assert known[0] == entry, f"two entries {entry.index}/{entry.term}"
            if None not in (known[1], value[1]):
                assert known[1] == value[1], f"entry {entry.index}/{entry.term} has two pasts"

    def on_applied(self, member: Member, entries: list[Entry]) -> None:
        """State machine safety: every member applies the same at the same index, ever."""
        for entry in entries:
            known = self.committed.setdefault(entry.index, entry)
            assert known == entry, f"member {member.id} applied {entry}, another {known}"
        last = entries[-1].index
        state = self.states.setdefault(last, member.state)
        assert state == member.state, f"member {member.id} differs at {last}"

    def on_send(self, disk: Disk, core: RaftCore, message: Message) -> None:
        """Votes and acknowledgements speak of what is durable."""
        if isinstance(message, VoteReply) and message.granted:
            assert disk.hard_state.term >= message.term, "a vote left before it was durable"
            voted = self.votes.setdefault((message.sender, message.term), message.to)
            assert voted == message.to, f"{message.sender} voted twice in term {message.term}"
        if isinstance(message, HeartbeatReply):
            assert disk.hard_state.term >= message.term, "a term was answered before it was durable"
        if isinstance(message, AppendReply) and message.accepted and message.term == core.term:
            assert disk.last_index >= message.match_index, "an entry was acknowledged too early"
            assert disk.hard_state.term >= message.term, "a term was answered before it was durable"

    def on_grant(self, member: Member, grant: ReadGrant) -> None:
        """A read sees everything that was committed when it was asked for."""
        known = self.reads.pop((member.id, grant.token))
        assert grant.index >= known, f"a read at {grant.index} misses entry {known}"

    def on_read_failed(self, member: Member, token: int) -> None:
        del self.reads[(member.id, token)]

    def on_crash(self, member: Member) -> None:
        """Who asked is gone."""
        for key in [key for key in self.reads if key[0] == member.id]:
            del self.reads[key]

    def at_the_end(self, members: list[Member]) -> None:
        """Nothing acknowledged was lost, all agree, and every read was answered."""
        for index, payload in self.acknowledged.items():
            assert self.committed[index].payload == payload, f"acknowledged entry {index} is lost"
        assert len({member.state for member in members}) == 1, "the members differ"
        asked = {key for key in self.reads if key[0] in {member.id for member in members}}
        assert not asked, f"reads without an answer: {asked}"
