"""Every bound of the server that is not a setting, each with the reason for its number.

A bound that an operator has reason to move is a setting (see `config`); these are the others.
Nothing here is computed at run time.
"""

from typing import Final

# ---- connections ------------------------------------------------------------------------------

ACCEPT_BACKLOG: Final = 1024
"""Connections the kernel may hold for us: a whole fleet that reconnects at once must not be refused
while one batch is applied."""

FIRST_BYTES: Final = 4
"""A four-letter command and the length of a first frame are both four bytes; they decide which."""

FIRST_BYTES_TIMEOUT_S: Final = 10.0
"""A socket that says nothing holds a file descriptor; ZooKeeper also gives it ten seconds."""

COMMAND_DRAIN_TIMEOUT_S: Final = 10.0
"""How long the answer to a four-letter command may take to leave: a dump can be megabytes, but a
reader that takes none of it must not pin it."""

TLS_HANDSHAKES_MAX: Final = 256
"""TLS handshakes of clients under way. Each takes about a millisecond of the loop and up to 100 KB."""

TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
"""As for the first bytes: a distant client on a bad line is done within two."""

CERTIFICATE_EXPIRY_WARNING_DAYS: Final = 7
"""A certificate of the node's own that expires sooner is warned of when it is read: what renews by itself
has done so long before, and a person still has a week."""

ACCEPT_RETRY_S: Final = 0.5
"""After an accept that failed, for want of file descriptors mostly."""

WRITE_HIGH_WATER_BYTES: Final = 256 * 1024
"""Unsent bytes at which a connection is no longer read: it has more answers than it takes."""

WRITE_LOW_WATER_BYTES: Final = 64 * 1024
"""Unsent bytes at which it is read again; well below the mark, so that it does not flicker."""

SPARE_DESCRIPTORS: Final = 128
"""File descriptors kept for the log, snapshots, the metrics port and the standard library."""

# ---- the loop ---------------------------------------------------------------------------------

BATCH_TURNS_MAX: Final = 2
"""Turns of the loop that a batch may go on growing for while the disk is idle. Measured: more than
two gain nothing at 30 and at 300 connections."""

LATE_TICK_S: Final = 1.0
"""A tick later than this is logged: the loop stood still for as long."""

HOUSEKEEPING_EVERY_S: Final = 1.0
"""How often snapshots, silent sockets and stalled readers are looked at."""

FSYNC_WARNING_MS: Final = 1000.0
"""An fsync slower than this is logged, as in ZooKeeper (fsync.warningthresholdms)."""

LOG_HOT_BYTES_MAX: Final = 4 * 1024 * 1024
"""Log entries kept in memory after they are applied, for followers that lag a little. A sole voter
has none, and memory is for znodes."""

REPLAY_SLICE_US: Final = 20_000
"""Entries of the log are applied for so long at a stretch at start; then health may be asked."""

# ---- snapshots --------------------------------------------------------------------------------

SNAPSHOT_PIECE_BYTES: Final = 256 * 1024
"""One slice of a snapshot: the engine walks about 1 GB/s, so this is well under a millisecond."""

SNAPSHOT_RETRY_S: Final = 60.0
"""After a failed snapshot. The log only grows meanwhile; nothing is lost."""

RESTORE_SLICE_US: Final = 5_000
RESTORE_PAUSE_S: Final = 0.005
"""Another member's snapshot is loaded in slices of the one with pauses of the other: at most half of
a processor, which the members that serve may share, and votes are answered in between."""

RESTORE_CHECK_ZNODES: Final = 5_000
"""Znodes that are checked at a stretch once the whole snapshot is there: about a millisecond."""

# ---- stopping ---------------------------------------------------------------------------------

DRAIN_TIMEOUT_S: Final = 10.0
"""SIGTERM: how long writes that are under way may take. What is not durable by then was not
acknowledged either."""

CLOSE_TIMEOUT_S: Final = 2.0
"""SIGTERM: how long clients may take to read their last replies."""

SHUTDOWN_SNAPSHOT_TIMEOUT_S: Final = 60.0
"""SIGTERM with snapshot.on_exit: a snapshot that takes longer is left; the log holds everything."""

# ---- the ensemble -----------------------------------------------------------------------------

BATCHES_UNDER_WAY: Final = 2
"""Batches that leave without a wait between them. Measured with three nodes on two cores: one or two
give twice the throughput of four, because the next batch grows meanwhile."""

BATCHES_UNDER_WAY_MAX: Final = 16
"""Batches under way when what they wait for is the network. More would only queue at the disks."""

BATCH_SPACING_US: Final = 1_000
"""From the third on, a batch leaves this long after the one before it: by then the wait is for round
trips and not for the processor."""

STREAM_GAP_US: Final = 2_000
"""Entries that follow each other as soon are a stream, in which the next one is about to come. One
client that waits for each answer makes one in 0.5 to 1 ms."""

COMMIT_WORD_WAIT_S: Final = 0.002
"""How long the word of a commit may wait for the next append, within a stream. Watches of another
member's clients fire that much later at most."""

OWN_BARRIERS_MAX: Final = 1_000
"""Barriers that the admin side waits for at a time."""

SLOW_TICK_S: Final = 0.25
"""Sessions, touches and upkeep, in an ensemble too, whose Raft ticks are shorter."""

RECONFIG_ANSWER_S: Final = 3.0
"""How long a follower waits for the leader's answer to a reconfig. The leader gives up earlier, and a
client with the shortest session timeout gives its connection up at about that time."""

RECONFIGS_ASKED_MAX: Final = 16
"""Of the leader at a time: only one change is carried out at once, so more are refused by it."""

DISK_STALL_ELECTIONS: Final = 4
"""A write of the log that takes as many of the shortest election timeouts: a leader that were cut off
for as long would have been replaced long ago. Shorter ones, of a busy disk, are no reason to move."""

DEPARTED_LINK_S: Final = 5.0
"""How long a link to a member that was removed stays: it still has to hear that it is committed."""

DIGEST_EVERY_ENTRIES: Final = 1_000
"""Members compare their state at multiples of this index. An entry is a batch, so every few seconds
under load; comparing costs a few words to each."""

DIGEST_EVERY_S: Final = 60.0
"""And so often where nothing is written: then no index comes, and a state that is wrong would be read
for as long."""

DIGESTS_KEPT: Final = 16
"""Indexes for which digests are remembered: a follower may lag by so many thousand entries."""

TRANSFER_PAUSE_S: Final = 10.0
"""After a leader's start, or a transfer, before leadership is moved to a preferred member: clients
have time to settle, and a transfer that fails is not tried all the time."""

HANDOVER_TIMEOUT_S: Final = 2.0
"""SIGTERM: how long a leader tries to hand over before it goes; the others elect without it then."""

HEAL_RETRY_S: Final = 3.0
"""After a failed fetch of a snapshot, by a member that is behind or whose state differs: the one asked
may have none yet and take it first."""

DRAIN_PER_TICK: Final = 64
"""Clients that are moved away in each quarter of a second: two thousand in eight seconds, which
other members take without a wave."""

FOLLOWER_LOG_FACTOR: Final = 8
"""The log is kept for living followers that lag up to so many times snapshot.every_log_bytes; one
that is further behind gets a snapshot."""

CLIENTS_GONE_POLL_S: Final = 0.005
"""How often it is looked whether all clients are gone, before a state is replaced."""

COLD_ENTRY_COST_BYTES: Final = 512
"""What an old entry that is read counts at least: a sector, as it did when it was logged."""

COLD_READ_PAUSE_MIN_S: Final = 0.001
"""The shortest pause between two looks at whether old entries may be read: a remainder of a few bytes
must not make the loop spin within one tick of the clock."""

COLD_READ_PAUSE_MAX_S: Final = 0.025
"""The longest pause between two looks at whether old entries may be read: clients who write more
meanwhile allow more."""

CATCH_UP_TIMES_LOGGED: Final = 2
"""Old entries may be sent to each other member this many times as fast as new ones are logged,
whatever the bound on their rate: once as fast would never end."""

PEER_FRAME_BYTES_MIN: Final = 16 * 1024 * 1024
"""The longest message between members, where log entries need no longer ones."""

SURVEY_TIMEOUT_S: Final = 2.0
"""How long a member may take to say who it is, before an ensemble is founded."""

GATHERING_SAID_EVERY_S: Final = 30.0
"""How often a founder says in its log who is still missing: whoever looks there does not have to go far back,
and a night of waiting is a thousand lines."""

SURVEY_EVERY_S: Final = 0.25
"""How often those that are missing are asked again; it is the first start of several processes."""
