"""Ready: what the core wants done, as one value. Pure data; the driver does it.

The order within one Ready, and between Readys:

    messages                 at once, they promise nothing about this member's disk
    hard_state, entries      to disk, in the order of the Readys, hard state before entries
    messages_after_persist   when hard_state and entries of this Ready are durable
    persisted(number)        when hard_state and entries of this Ready, and of all before, are durable
    committed_cold           independent of the above: these entries are durable already
    committed                behind committed_cold, in order; then applied(index)
    reads                    each when its index has been applied
"""

from dataclasses import dataclass

from raftkeeper.raft.messages import Entry, HardState, Index, Message, ReadGrant, SoftState


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that came up since the last one. Each thing is handed over exactly once."""

    number: int
    """Counts up. `persisted(number)` speaks for this Ready and all before it."""

    hard_state: HardState | None
    """Durable before the entries of this Ready count as durable, and before anybody hears of it:
    a member that forgets its vote elects two leaders."""

    entries: tuple[Entry, ...]
    """To be appended in this order. The first index may lie at or below the last one written
    before: then everything from there on is replaced. Durable before `persisted(number)`."""

    messages: tuple[Message, ...]
    """To be sent at once, without waiting for the disk: nothing in them rests on this Ready."""

    messages_after_persist: tuple[Message, ...]
    """To be sent only when hard_state and entries of this Ready are durable: votes, acknowledgements."""

    committed_cold: tuple[Index, Index] | None
    """First and last index of committed entries that are no longer in memory. To be read from the
    own log and applied before `committed`. They are durable."""

    committed: tuple[Entry, ...]
    """To be applied in this order, each once, whatever is still being persisted: they are durable
    on this member. Then `applied(index of the last)`; kinds other than BATCH have no effect on the
    state machine but their index counts."""

    reads: tuple[ReadGrant, ...]
    """Each may be served once its index has been applied, which may be now."""

    soft_state: SoftState | None
    """The new role and leader if they changed. Not for disk. A leader that is new may not propose
    on behalf of what it gathered in an earlier term."""
