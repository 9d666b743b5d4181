"""How messages, effects and states are written in a transcript: short, and the same for ever."""

from raftkeeper.raft import (
    BASE_LEVEL,
    Append,
    AppendReply,
    Entry,
    EntryKind,
    Heartbeat,
    Membership,
    Message,
    RaftCore,
    ReadReply,
    ReadRequest,
    Ready,
)


def show_message(message: Message) -> str:
    """Who to whom, in which term, what."""
    head = f"{message.sender}→{message.to} {type(message).__name__} term {message.term}"
    if isinstance(message, Append):
        entries = "".join(f" {show_entry(entry)}," for entry in message.entries).rstrip(",")
        after = f"after {message.prev_index}/{message.prev_term}"
        return f"{head}, {after}:{entries or ' nothing'}; commit {message.commit}"
    if isinstance(message, AppendReply):
        if message.accepted:
            return f"{head}: has {message.match_index}"
        return f"{head}: refused, look at {message.match_index}/{message.hint_term}"
    if isinstance(message, Heartbeat):
        asks = f", sequence {message.sequence}" if message.sequence else ""
        return f"{head}, commit {message.commit}{asks}"
    if isinstance(message, ReadRequest | ReadReply):
        context = f", context {message.context}"
        at = f", from entry {message.read_index} on" if isinstance(message, ReadReply) else ""
        return head + context + at
    rest = zip(message._fields[3:], message[3:], strict=True)
    return head + "".join(f", {name} {value}" for name, value in rest)


def show_effects(member: int, ready: Ready) -> list[str]:
    """What is not a message: for disk, state machine, reader and driver."""
    lines = []
    if ready.soft_state:
        leader = ready.soft_state.leader_id or "nobody"
        lines.append(f"{ready.soft_state.role.value}, leader {leader}")
    if ready.membership:
        lines.append(show_membership(ready.membership))
    if ready.restored:
        lines.append(f"the log begins anew after entry {ready.restored.index}")
    if ready.hard_state:
        lines.append(f"persist term {ready.hard_state.term}, vote {ready.hard_state.vote}")
    lines += [f"persist {show_entry(entry)}" for entry in ready.entries]
    if ready.committed_cold:
        lines.append(f"apply {ready.committed_cold[0]}..{ready.committed_cold[1]} from disk")
    lines += [f"apply {show_entry(entry)}" for entry in ready.committed]
    lines += [f"read {grant.token} may be served at {grant.index}" for grant in ready.reads]
    lines += [f"read {token} failed" for token in ready.reads_failed]
    if ready.snapshot_fetch:
        fetch = ready.snapshot_fetch
        lines.append(f"fetch the snapshot of {fetch.sender}, which covers {fetch.covers_index}")
    return [f"  {member}: {line}" for line in lines]


def show_state(core: RaftCore) -> list[str]:
    """Two lines for each member."""
    leader = core.leader_id or "nobody"
    role = f"{core.role.value} in term {core.term}, vote {core.vote}, leader {leader}"
    log = f"log {core.first_index}..{core.last_index}, durable {core.persisted_index}"
    done = f"committed {core.commit_index}, applied {core.applied_index}"
    return [
        f"{core.config.member_id}: {role}; {show_membership(core.membership)}",
        f"   {log}, {done}",
    ]


def show_followers(core: RaftCore) -> list[str]:
    """What a leader knows of the others."""
    return [
        f"{view.member}: {view.state.value}, has {view.match_index}, next {view.next_index},"
        f" {view.in_flight} under way{', caught up' if view.caught_up else ''}"
        f"{'' if view.active else ', silent'}{f', {view.unfit}' if view.unfit else ''}"
        for view in core.followers()
    ]


def show_membership(membership: Membership) -> str:
    parts = [f"voters {_ids(membership.voters)}"]
    if membership.outgoing:
        parts.append(f"joint with {_ids(membership.outgoing)}")
    if membership.learners:
        parts.append(f"learners {_ids(membership.learners)}")
    if membership.level > BASE_LEVEL:
        parts.append(f"level {membership.level}")
    return ", ".join(parts)


def show_entry(entry: Entry) -> str:
    """A membership is shown when it begins to count."""
    kind = EntryKind(entry.kind)
    text = f" {entry.payload.decode()}" if kind is EntryKind.BATCH else f" {kind.name}"
    return f"{entry.index}/{entry.term}{text}"


def _ids(members: frozenset[int]) -> str:
    return ",".join(str(member) for member in sorted(members)) or "none"
