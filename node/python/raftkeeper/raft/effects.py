"""Ready: what the core wants done, as one value. Pure data; the driver does it.

The order within one Ready, and between Readys:

    messages                 at once, they promise nothing about this member's disk
    sends_cold               at once: read from the own log, then `cold_read`
    snapshot_fetch           at once, in the background; ends with `restore` or `snapshot_failed`
    hard_state, restored,    to disk, in the order of the Readys, and within one in this order: the
    entries                  snapshot may be of the term that the hard state brings
    messages_after_persist   when restored, hard_state and entries of this Ready, and of all before,
                             are durable: when `persisted(number)` may be called
    persisted(number)        likewise
    committed_cold           independent of the above: these entries are durable already
    committed                behind committed_cold, in order; then applied(index)
    reads                    each when its index has been applied
"""

from typing import NamedTuple

from raftkeeper.raft.membership import Membership
from raftkeeper.raft.messages import (
    ColdSend,
    Entry,
    HardState,
    Index,
    Message,
    ReadGrant,
    SnapshotFetch,
    SoftState,
    Term,
)


class SnapshotMeta(NamedTuple):
    """What the core has to know of a snapshot: where it ends, and who belonged to the ensemble."""

    # `index` hides tuple.index(), which nobody asks a snapshot for.
    index: Index  # type: ignore[assignment]
    term: Term
    membership: Membership
    config_index: Index = 0
    """Of the entry that holds the membership; 0 where a snapshot of an earlier release does not say
    it, and the snapshot's index stands for it."""


class Ready(NamedTuple):
    """Everything that came up since the last one. Each thing is handed over exactly once.

    A named tuple because two of them are made for every batch.
    """

    number: int
    """Counts up when there is something for the disk. `persisted(number)` speaks for this Ready and
    all before it."""

    hard_state: HardState | None
    """Durable before the entries of this Ready count as durable, and before anybody hears of it:
    a member that forgets its vote elects two leaders."""

    entries: tuple[Entry, ...]
    """To be appended in this order. The first index may lie at or below the last one written
    before: then everything from there on is replaced. Durable before `persisted(number)`."""

    messages: tuple[Message, ...]
    """To be sent at once, without waiting for the disk: nothing in them rests on this Ready."""

    messages_after_persist: tuple[Message, ...]
    """To be sent only when `persisted(number)` may be called, so when this Ready and all before are
    durable: votes, acknowledgements. Empty when that is so already: then they are in `messages`."""

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

    reads_failed: tuple[int, ...]
    """Tokens of reads that nobody will grant: the leader that was asked is gone. Each token given
    to `read_index` comes back once, here or in `reads`."""

    restored: SnapshotMeta | None
    """The whole log on disk is replaced by this snapshot, which is durable itself: it begins anew
    behind it. Counts for `number`; to disk behind the hard state of this Ready and before its entries:
    a crash in between must leave no log of a term that the hard state does not know."""

    sends_cold: tuple[ColdSend, ...]
    """Followers that need entries which are on disk only; one under way for each of them."""

    snapshot_fetch: SnapshotFetch | None
    """This member's log cannot be continued. One under way; a new one only after `restore` or
    `snapshot_failed`."""

    membership: Membership | None
    """The one that counts now, when it is another: to whom connections are needed. It may be an
    earlier one again, when the entry that held it was cut off."""

    redraw_timeout: bool
    """Draw a new random election timeout and call `set_election_timeout`: this member stands, and
    should not meet the same rivals at the same moment again."""
