"""Every bound of the links between members that is not a setting, each with its reason.

Nothing here is computed at run time.
"""

from typing import Final

PROTOCOL_MIN: Final = 1
PROTOCOL_MAX: Final = 2
"""Versions of what members say to each other. A release speaks its own and the one before, so that
members of N and N+1 work side by side; both ends use the highest that both know."""

FITNESS_PROTOCOL: Final = 2
"""The first version in which members say whether they should lead."""

# ---- making a connection ----------------------------------------------------------------------

HELLO_BYTES_MAX: Final = 4096
"""A stranger may make us keep no more than this before it has said who it is."""

HANDSHAKES_MAX: Final = 64
"""Strangers at a time. An ensemble has seven members, so even all of them at once fit well; beyond
it somebody scans the port."""

HANDSHAKE_TIMEOUT_S: Final = 3.0
"""From an accepted socket to a checked hello, TLS included: two round trips over any sane network."""

CONNECT_TIMEOUT_S: Final = 1.0
"""A lost SYN is sent again by the kernel after a second; a new attempt with a fresh look at the
address does the same and more."""

RESOLVE_TIMEOUT_S: Final = 3.0
"""A name server that does not answer must not hold an attempt for its own half minute."""

BACKOFF_FIRST_S: Final = 0.02
"""The first wait after a loss: a process that was restarted is back quickly."""

BACKOFF_LAST_S: Final = 0.5
"""The longest wait. After a partition has healed the ensemble is whole this much later at most, and
two tries a second cost nothing."""

STABLE_AFTER_S: Final = 1.0
"""A link that lived shorter has failed, whatever the handshake said: its next try waits longer."""

CROSSING_S: Final = HANDSHAKE_TIMEOUT_S + CONNECT_TIMEOUT_S
"""Two members that dial each other at once do it within one handshake. Who dials later than this
after our link was made has lost its end of it."""

ACCEPT_BACKLOG: Final = 128
"""More than members and their snapshot connections can be, even all restarted at once."""

ACCEPT_RETRY_S: Final = 0.1
"""After accept has failed (no file descriptors): long enough not to spin."""

# ---- a connection that is there ---------------------------------------------------------------

STALL_TIMEOUT_MS: Final = 3_000
"""Sent bytes that are not acknowledged for so long end the connection (TCP_USER_TIMEOUT). Left alone
the kernel would wait a quarter of an hour, and double its pauses, so that a healed partition stays
one; a new connection is tried every half second instead. Longer than any pause of a healthy host."""

KEEPALIVE_IDLE_S: Final = 3
KEEPALIVE_INTERVAL_S: Final = 1
KEEPALIVE_PROBES: Final = 3
"""Followers say nothing to each other for hours; the kernel asks for us whether the other end still
is there. Between leader and followers Raft's heartbeats do it."""

MESSAGE_QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024
"""Unsent bytes at which Raft's messages are dropped; Raft sends again what matters. Twice the window
of appends in flight to one follower, so that a healthy follower never gets there."""

GROUP_QUEUE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Unsent bytes at which a link is reset rather than leave out a group. A follower keeps at most
4 MiB of groups and one more, and the messages' bound comes first, so this means a broken network."""

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""The longest frame between members, unless the longest log entry needs more."""

# ---- snapshots --------------------------------------------------------------------------------

SNAPSHOT_CHUNK_BYTES: Final = 256 * 1024
"""Of one frame of a snapshot: well over a millisecond's worth of network, well under a pause."""

SNAPSHOT_SENDS_MAX: Final = 2
"""Snapshots sent at a time; each takes disk and network away from appends. A third asker is told
to come again."""

SNAPSHOT_ANSWER_TIMEOUT_S: Final = 10.0
"""The longest silence in a snapshot's connection, whichever side is to speak: a slow disk's worth."""

SNAPSHOT_TRIES: Final = 8
"""Connections in a row that brought nothing new before a fetch is given up; the leader's next offer
begins another."""

SNAPSHOT_RETRY_S: Final = 0.5
"""Between them."""

SNAPSHOT_PAUSE_MAX_S: Final = 5.0
"""The longest pause before the core hears of one more fetch in a row that brought nothing, and takes
the next offer: a sender can be busy, or without a snapshot, for minutes, and it offers one forty times
a second."""

# ---- what is kept for people ------------------------------------------------------------------

CAUSES_KEPT: Final = 256
"""Refusals that were logged and are not repeated. Beyond it the memory is emptied: a scanner may
then be logged twice."""

REASON_BYTES_MAX: Final = 300
"""Of a refusal's sentence: what a stranger says goes into our log."""

GUESTS_MAX: Final = 16
"""Links of members that our membership does not know, because it is older than theirs, or because
they were removed and do not know it. More than two whole ensembles of them are no members."""

CLOSE_TIMEOUT_S: Final = 1.0
"""How long the last words to others may take when the node stops."""
