"""Runs a scenario: a text file of commands and what the core answered, for people to review.

A scenario is a row of paragraphs: comment lines (#), one command, `----`, the expected text. The
harness plays disk and state machine of one member by hand, so that every order can be told:

    start election-ticks=10     the core on what the disk holds now
    bootstrap voters=1,2        founds an ensemble
    tick 3                      that many ticks
    propose text                an entry
    read 7                      asks for a linearizable read with token 7
    ready                       takes one Ready and shows it; nothing is done yet
    persist                     all that was handed over reaches the disk; the core is told
    apply                       all that was handed over as committed is applied; the core is told
    run                         ready, persist and apply until nothing more comes up
    crash                       memory is gone; what `persist` did not cover too
    snapshot keep=2             of the applied state, durable; the log before it is purged but for `keep`
    state                       the core's numbers
"""

from collections.abc import Callable
from pathlib import Path

from tests.raft.cluster_runner import ClusterScenario

from raftkeeper.raft import (
    Entry,
    EntryKind,
    HardState,
    InvariantBroken,
    Membership,
    NotLeader,
    RaftConfig,
    RaftCore,
    Ready,
    Restored,
    check_core,
)


class Scenario:
    """One member's disk and core."""

    def __init__(self) -> None:
        self.hard_state = HardState(0, 0)
        self.log: dict[int, Entry] = {}
        self.snapshot = (0, 0)
        self.snapshot_membership: Membership | None = None
        self.core: RaftCore | None = None
        self.to_persist: list[Ready] = []
        self.to_apply: list[Entry] = []

    def do(self, line: str) -> str:
        """One command; what it says. Refusals of the core are answers too."""
        name, *words = line.split()
        command: Callable[[list[str]], str] = getattr(self, f"do_{name}")
        try:
            text = command(words)
        except (NotLeader, InvariantBroken) as error:
            return f"{type(error).__name__}: {error}"
        if self.core is not None:
            check_core(self.core)
        return text or "ok"

    @property
    def running(self) -> RaftCore:
        assert self.core is not None, "start first"
        return self.core

    def do_start(self, words: list[str]) -> str:
        ticks = int(_options(words).get("election-ticks", "10"))
        runs: list[tuple[int, int]] = []
        for entry in self.log.values():
            if not runs or runs[-1][1] != entry.term:
                runs.append((entry.index, entry.term))
        restored = Restored(
            hard_state=self.hard_state,
            snapshot_index=self.snapshot[0],
            snapshot_term=self.snapshot[1],
            membership=self.snapshot_membership,
            term_starts=tuple(runs),
            last_index=max(self.log, default=self.snapshot[0]),
            configs=tuple(
                (entry.index, entry.payload)
                for entry in self.log.values()
                if entry.kind == EntryKind.CONFIG
            ),
        )
        self.core = RaftCore(RaftConfig(1, election_ticks=ticks, nonce=0), restored)
        return self.do_state([])

    def do_bootstrap(self, words: list[str]) -> str:
        self.running.bootstrap(
            Membership.of(int(voter) for voter in _options(words)["voters"].split(","))
        )
        return ""

    def do_tick(self, words: list[str]) -> str:
        for _ in range(int(words[0]) if words else 1):
            self.running.tick()
        return f"{self.running.role.value} in term {self.running.term}"

    def do_propose(self, words: list[str]) -> str:
        return f"index {self.running.propose(' '.join(words).encode())}"

    def do_read(self, words: list[str]) -> str:
        self.running.read_index(int(words[0]))
        return ""

    def do_ready(self, _: list[str]) -> str:
        if not self.running.has_ready:
            return "nothing"
        ready = self.running.ready()
        self.to_persist.append(ready)
        if ready.committed_cold:
            first, last = ready.committed_cold
            self.to_apply += [self.log[index] for index in range(first, last + 1)]
        self.to_apply += ready.committed
        return show_ready(ready)

    def do_persist(self, _: list[str]) -> str:
        ready = None
        for ready in self.to_persist:
            self.hard_state = ready.hard_state or self.hard_state
            self.log.update({entry.index: entry for entry in ready.entries})
        self.to_persist = []
        if ready is None:
            return "nothing"
        self.running.persisted(ready.number)
        return f"durable up to entry {self.running.persisted_index}"

    def do_apply(self, _: list[str]) -> str:
        if not self.to_apply:
            return "nothing"
        self.running.applied(self.to_apply[-1].index)
        self.to_apply = []
        return f"applied up to entry {self.running.applied_index}"

    def do_run(self, _: list[str]) -> str:
        lines: list[str] = []
        while self.running.has_ready:
            lines += [self.do_ready([]), self.do_persist([]), self.do_apply([])]
        return "\n".join(line for line in lines if line != "nothing") or "nothing"

    def do_crash(self, _: list[str]) -> str:
        self.core = None
        self.to_persist = []
        self.to_apply = []
        return f"on disk: {self.hard_state}, entries {list(self.log)}, snapshot {self.snapshot}"

    def do_snapshot(self, words: list[str]) -> str:
        core = self.running
        index = core.applied_index
        self.snapshot = (index, core.term_at(index) or 0)
        self.snapshot_membership = core.membership_at(index)
        purged = index - int(_options(words).get("keep", "0"))
        self.log = {entry.index: entry for entry in self.log.values() if entry.index > purged}
        core.compact(purged)
        return f"of entry {index}; the log begins at {core.first_index}"

    def do_state(self, _: list[str]) -> str:
        core = self.running
        return (
            f"{core.role.value} in term {core.term}, vote {core.vote}, leader {core.leader_id}\n"
            f"log {core.first_index}..{core.last_index}, durable {core.persisted_index},"
            f" committed {core.commit_index}, applied {core.applied_index}\n"
            f"voters {sorted(core.membership.voters)}, learners {sorted(core.membership.learners)}"
        )


def show_ready(ready: Ready) -> str:
    """A Ready as a person reads it; what is empty is left out."""
    lines = [f"Ready {ready.number}"]
    if ready.soft_state:
        lines.append(f"  now {ready.soft_state.role.value}, leader {ready.soft_state.leader_id}")
    if ready.hard_state:
        lines.append(f"  persist term {ready.hard_state.term}, vote {ready.hard_state.vote}")
    lines += [f"  persist {_show_entry(entry)}" for entry in ready.entries]
    if ready.committed_cold:
        lines.append(f"  apply from disk {ready.committed_cold[0]}..{ready.committed_cold[1]}")
    lines += [f"  apply {_show_entry(entry)}" for entry in ready.committed]
    lines += [f"  read {grant.token} at {grant.index}" for grant in ready.reads]
    return "\n".join(lines)


def _show_entry(entry: Entry) -> str:
    kind = EntryKind(entry.kind).name
    return f"{entry.index}/{entry.term} {kind} {entry.payload.decode()}".rstrip()


def _options(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def replay(path: Path) -> tuple[str, str]:
    """The file's text as it is, and as it would be with today's answers."""
    text = path.read_text()
    # Scenarios of several members say so first; the others are told from inside one member.
    is_cluster = any(line.startswith("nodes ") for line in text.splitlines())
    scenario = ClusterScenario() if is_cluster else Scenario()
    paragraphs: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        head = paragraph.split("\n----", 1)[0]
        comments = [line for line in head.splitlines() if line.startswith("#")]
        commands = [line for line in head.splitlines() if not line.startswith("#")]
        if not commands:
            paragraphs.append("\n".join(comments))
            continue
        assert len(commands) == 1, f"one command to a paragraph: {commands}"
        paragraphs.append("\n".join([*comments, *commands, "----", scenario.do(commands[0])]))
    return text, "\n\n".join(paragraphs) + "\n"
