"""The border between Python and the Rust engine (documentation for Python readers; checked by stubtest).

Calls are few and coarse: whole socket reads and whole batches go in, whole replies come out.
Nothing here reads a clock or a random number: time and secrets are passed in.
"""

from collections.abc import Sequence
from typing import Any, Self, final

__version__: str

# ---- the data path -------------------------------------------------------------------------------------------------

@final
class Engine:
    """Tree, sessions, watches, connections of one node. Used from the event loop's thread only."""

    def __new__(
        cls,
        *,
        origin: int,
        min_session_timeout_ms: int,
        max_session_timeout_ms: int,
        frame_bytes_max: int,
        batch_bytes_max: int,
        connection_outstanding_max: int,
        outstanding_max: int,
        super_digest: str = "",
        skip_acl: bool = False,
        reconfig_enabled: bool = False,
        ttl_enabled: bool = True,
        member: int = 1,
        linearizable_reads: bool = False,
        read_only_mode: bool = False,
        unsent_bytes_max: int = 67108864,
    ) -> Self:
        """Makes an empty engine; restore a snapshot and apply the log next.

        `origin` names this process (random u64, from outside): replies go only to requests of this
        process. `linearizable_reads` makes every read wait for a barrier, as sync does.
        `read_only_mode`: see `no_leader`. `unsent_bytes_max`: a connection whose requests ask for more
        answers at once is cut off.
        """

    # -- connections
    def connect(self, address: str, now_us: int) -> int:
        """A client connected from `address`; returns the connection's id, never reused within a run.

        The address comes without its port: it becomes the implicit identity `ip:<address>`.
        """

    def certify(self, conn: int, subject: str, *, is_super: bool = False) -> None:
        """The client has a certificate for `subject`, verified by TLS: its identity of scheme x509.

        Right after `connect`, once. `is_super` passes every ACL.
        """

    def feed(self, conn: int, data: bytes, now_us: int) -> bytes:
        """Takes one socket read; returns the replies that are ready now (may be empty).

        Reads that wait for nothing are answered here; writes are gathered for `take_batch`; reads
        behind a write of the same connection wait for it. `now_us` is a monotonic clock.
        Look at `wants` afterwards. A malformed frame closes its connection, through `take_actions`.

        When the answers are more than a megabyte, or took more than a millisecond, the rest is kept
        back and the driver is told to stop reading, once: the next call goes on, with b"" if nothing
        else has come. It is due when there is room for answers. That holds for answers that `apply`
        makes, too. Input over `connection_outstanding_max` is kept back likewise, and taken up by
        `apply`.

        Each call is a sign of life of the client, and so is `touch`.
        """

    def touch(self, conn: int) -> None:
        """Some of what was written to it has left: it has a client, who takes its answers.

        What that client says, pings as well, may lie in the socket meanwhile.
        """

    def disconnect(self, conn: int) -> None:
        """The socket is gone. Watches go with it; the session stays until its deadline."""

    @property
    def wants(self) -> int:
        """What the driver should do at the end of this loop turn, as bits.

        1: something can be sealed; 2: there are actions, or replies to be written; 4: a barrier can
        be taken; 8: a client asks for a change of the membership (`take_reconfigs`).
        """

    def take_actions(self) -> list[tuple[int, int, str]]:
        """What is to be done with connections: (conn, action, reason). Write `take_replies` first.

        Actions: 1 close after what is written, 2 abort at once, 3 stop reading, 4 read again.
        `reason` is for the log, '' for an orderly close.
        """

    # -- the log
    def bootstrap_entry(
        self, *, cluster_id: bytes, secret: bytes, first_session: int, now_ms: int
    ) -> bytes:
        """The first entry of a new cluster.

        16 bytes of id, 32 bytes of the secret behind session passwords.
        """

    @property
    def bootstrapped(self) -> bool: ...
    def take_batch(self, now_ms: int) -> bytes | None:
        """Seals what was gathered into the payload of one log entry, stamped with the wall clock.

        None when there is nothing. At most `batch_bytes_max` and a request long. This is for a node
        that is alone; in an ensemble it is `take_group` and `seal_entry`.
        """

    def apply(self, index: int, payload: bytes, now_us: int) -> None:
        """Applies one committed entry, in index order.

        Replies and watch events gather for `take_replies`. An empty payload is an entry without
        requests: those of the Raft core take an index too.

        Raises EngineError when the payload is not an entry, has a format of another version, or the
        index is not the next: the node must stop.
        """

    def take_replies(self) -> list[tuple[int, bytes]]:
        """(conn, bytes) of every connection that has something to be written; one write each."""

    @property
    def applied_index(self) -> int: ...
    @property
    def last_zxid(self) -> int: ...

    # -- sessions and housekeeping
    def tick(self, now_us: int) -> None:
        """Moves the session clock (call it every 100 to 500 ms).

        A leader puts sessions past their deadline into its next entry, as one request however many.
        A tick that comes late moves the clock by one interval only, so a stall of the node
        expires nobody.
        """

    def collect(self, now_ms: int) -> int:
        """Puts removable containers and outlived TTL nodes into the leader's next entry; how many.

        The state machine checks each again when the entry is applied.
        """

    def refuse_writes(self, reason: str) -> None:
        """Answers writes with SYSTEMERROR until told otherwise ('' allows them again).

        Reads and pings go on; new sessions are closed. What was gathered and not taken is
        refused too.
        """

    # -- groups: what followers forward, and how it becomes entries
    def set_member(self, member: int) -> None:
        """For a node that learns only later which member it is; before its first client."""

    def take_group(self) -> tuple[int, bytes] | None:
        """The oldest gathered writes of this node's clients, sealed as a group: (number, bytes).

        Numbers count 1, 2, 3 … and never repeat in a process. Keep the bytes until the number is
        settled, and send what is kept, in order and from the first, to every new leader and over
        every new connection to it: a group that comes twice is applied once, on every node alike.
        A leader keeps its own groups likewise, for it may be deposed.
        """

    @property
    def groups_settled(self) -> int:
        """Groups up to this number are applied or given up: forget them, send them no more.

        Groups are given up when one before them was lost: the connections that waited are cut off,
        so that no later write of a session is carried out without an earlier one.
        """

    def seal_entry(self, now_ms: int, groups: Sequence[bytes]) -> bytes | None:
        """One entry of these groups, in order, and of what this engine decided as the leader.

        For the leader only; its own groups are handed in like the others. Decisions (expiry,
        collection) that would make the entry longer than `batch_bytes_max` wait for a call without
        groups. None when there is nothing.

        Raises ValueError when a group is malformed: drop the connection it came by.
        """

    # -- who decides, and who knows no leader
    def lead(self, leading: bool, now_us: int) -> None:
        """This node decides what a leader decides (as a new engine does), or stops to.

        On becoming the leader every session gets its full timeout. What was decided and not sealed
        is dropped when it ceases to be one.
        """

    def enforce_quotas(self, enforces: bool) -> None:
        """What this node seals from now on is refused, by every member alike, where it exceeds the hard
        limit of a quota; at first nothing is. Such entries have a format of their own: not before the
        feature level in use allows it.
        """

    def take_touches(self) -> bytes:
        """The sessions heard of since the last call, with their ages; for the leader, every tick."""

    def merge_touches(self, touches: bytes, now_us: int) -> None:
        """What another node heard of. Raises ValueError when it is malformed."""

    def no_leader(self, lost: bool, now_us: int) -> None:
        """Nothing was heard of a leader for an election timeout (True), or there is one again.

        Without a leader a connection is closed, by `tick`, after a third of its session's timeout:
        its client must know before the session may end elsewhere. A handshake waits for a third of
        the least timeout; after that the node is `read_only` and closes new connections, or, in
        `read_only_mode`, serves those that said they are content with it: writes and sync are
        answered NOT_READ_ONLY. Those are closed when there is a leader again.
        """

    @property
    def read_only(self) -> bool:
        """Without a leader for so long that nobody gets a session here."""

    # -- barriers: sync, and reads that must see what others wrote
    def take_barrier(self) -> int | None:
        """One token for every such request since the last call; to be asked of the Raft core.

        When the core lost it, ask again with the same token.
        """

    def pass_barrier(self, token: int, index: int) -> None:
        """What was committed when the token was asked for ends at `index`.

        What waits for this token or an earlier one is answered once that is applied; look at
        `wants` afterwards.
        """

    # -- comparing, and moving clients away
    def digest(self) -> tuple[int, int, int]:
        """(applied index, zxid, 64 bits over tree, ACLs, sessions and groups); costs nothing.

        Members at the same index have the same. It is kept in snapshots, and `restore_end` checks it.
        """

    def drain(self, count: int) -> int:
        """Takes no new clients, and asks `count` more to go; how many are left.

        What they asked is answered before. Sessions live on wherever their clients go.
        """

    def undrain(self) -> None:
        """Takes clients again."""

    # -- snapshots
    def snapshot_begin(self) -> tuple[int, int]:
        """Freezes the state as it is, at once; returns (applied index, zxid). One at a time."""

    def snapshot_next(self, bytes_max: int) -> bytes:
        """The next piece, about `bytes_max` long; empty at the end.

        State changes between two calls do not show.
        """

    def snapshot_abandon(self) -> None: ...
    def restore_begin(self) -> None:
        """Forgets all state, for pieces to come."""

    def restore_piece(self, data: bytes) -> None:
        """One stretch of a snapshot's bytes, cut anywhere. Raises EngineError where it is damaged."""

    def succeed(self, cluster_id: bytes) -> None:
        """Makes the state the beginning of another cluster: zxids go on in their next epoch, session
        ids far above the last. Before any client connects. Raises EngineError where there is no
        state, or no further epoch.
        """

    def restore_more(self, znodes: int) -> bool:
        """After the last piece, where nobody may wait for long: goes on by about so many znodes with
        what `restore_end` does at once; whether something is left. Raises EngineError like it.
        """

    def restore_end(self) -> None:
        """Checks that everything arrived (counts, parents). Raises EngineError otherwise."""

    # -- views (admin, metrics): plain values, nothing on the hot path
    def statistics(self) -> dict[str, Any]:
        """Gauges and counters by ZooKeeper's metric names where they exist.

        `latency_read_us` and `latency_write_us` are histograms: counts per bucket, one more than
        the upper bounds in `latency_bounds_us`; their sums are `latency_*_sum_us`. The latencies
        with ZooKeeper's names are milliseconds.
        """

    def reset_statistics(self) -> None: ...
    def connections(self) -> list[dict[str, Any]]:
        """What is known of each connection.

        conn, address, session, timeout_ms, queued, received, sent, last_op, established_us,
        last_cxid, last_zxid, last_response_us, last/min/avg/max latency in milliseconds;
        `last_op` is ZooKeeper's abbreviation.
        """

    def reset_connection_statistics(self) -> None: ...
    def sessions(self) -> list[tuple[int, int, int]]:
        """(session id, timeout ms, ms until it expires)."""

    def ephemerals(self) -> list[tuple[int, list[str]]]:
        """(session id, its ephemeral paths)."""

    def watches(self) -> list[tuple[int, list[str]]]:
        """(session id, the paths it watches), data watches as ZooKeeper's wchc dumps them."""

    def watch_counts(self) -> tuple[int, int, int]:
        """(connections, paths, watches)."""

    def set_config(self, data: bytes) -> None:
        """The data of /zookeeper/config as this node serves it; its watches fire when it differs."""

    # -- changes of the membership, asked for by clients (with `reconfig_enabled`)
    def take_reconfigs(self) -> list[tuple[int, bytes]]:
        """(conn, body) of the reconfig requests since the last call, whose senders may make them.

        The body is three strings and an i64: joining, leaving, new members, version. The connection
        takes nothing more until `answer_reconfig`.
        """

    def answer_reconfig(self, conn: int, error: int, now_us: int) -> None:
        """How it ended. 0 is answered with /zookeeper/config as `set_config` has it by now.

        Look at `wants` and `take_replies` afterwards.
        """

@final
class EngineError(Exception):
    """The engine refuses to go on: state and input do not fit. Never a client's fault."""

def describe_entry(payload: bytes) -> dict[str, Any]:
    """What a log entry asks for, for people: time_ms, enforces_quotas, and groups of requests.

    A group has member, run, origin, sequence, requests; a request conn, session, xid, op, and text: one
    line, without data. Raises EngineError where `apply` would.
    """

# ---- the log --------------------------------------------------------------------------------------------------------

def crc32c(data: bytes, seed: int = 0) -> int: ...
def frame_block(records: Sequence[tuple[int, int, int, bytes]], salt: int, previous: int) -> bytes:
    """One block of the log: the (index, term, kind, payload) records of one fsync, under one CRC-32C.

    A block is written, and fsynced, before the next one is issued; so a torn block can only be the last.
    `salt` is the random number of the segment, `previous` the checksum of the block before (bytes 4 to 8
    of it, little-endian; 0 for the first). The length is a multiple of 512.
    """

def scan_block(
    data: bytes, offset: int, salt: int
) -> tuple[list[tuple[int, int, int, int, int]], int, int, int] | None:
    """The block at `offset`, and where it fits in.

    ([(index, term, kind, payload offset, payload length)], offset of the next block, its checksum,
    the checksum it names as previous).


    None where there is none: zeros, cut off, another salt, or a checksum that does not agree.
    """

@final
class DiskThread:
    """The one thread that writes and fsyncs the log. It never takes the interpreter lock.

    Jobs run in order. When one ends, its number is published and `notify_fd` (an eventfd) is written to.
    The first failing job stops the thread: every later one fails with the same error.
    """

    def __new__(cls, notify_fd: int) -> Self: ...
    def write_sync(self, fd: int, offset: int, data: bytes) -> int:
        """pwrite all of `data`, then fdatasync; returns the job's number, counted from 1."""

    def done(self) -> tuple[int, str, int]:
        """(number of the last job that succeeded, '' or the error's text, its errno)."""

    def fsync_us(self) -> list[int]:
        """Durations of the fsyncs since the last call, µs (bounded; for the histogram)."""

    def close(self) -> None:
        """Finishes what was handed over, then joins the thread."""
