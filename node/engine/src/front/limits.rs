//! The bounds of the front that are not configuration, each with the reason for its number.

/// Ids one connection may gather with auth packets: each travels with every batch that it writes
/// in.
pub const AUTH_IDS_MAX: usize = 64;
/// Bytes of one auth packet's credentials: names and passwords, not documents.
pub const AUTH_BYTES_MAX: usize = 4096;
/// Bytes of all ids of one connection, the subject of a certificate among them: a hundred usual ones. They
/// travel with its writes, and `auth` in an ACL stands for all of them, in znode after znode.
pub const AUTH_IDS_BYTES_MAX: usize = 4096;
/// Sealed-size batches that may wait for the log; beyond this, connections that write are not read.
/// Two are needed to keep the disk busy, and two more absorb a slow fsync.
pub const BATCHES_WAITING_MAX: usize = 4;
/// Bytes a connection may send ahead while its session is being opened in the log.
pub const HELD_BYTES_MAX: usize = 64 * 1024;
/// What the session clock moves at most in one tick: the longest interval the driver promises.
/// A node that stalled must not count its own absence against its sessions.
pub const TICK_INTERVAL_MAX_US: i64 = 500_000;
/// Width of one bucket of the deadline wheel; a session expires at most this late, plus a tick.
pub const BUCKET_US: i64 = 100_000;
/// Sessions expired by one tick: the entry stays small enough to apply within a few milliseconds.
pub const EXPIRIES_PER_TICK_MAX: usize = 4096;
/// Containers and TTL nodes put into the log by one call of `collect`, for the same reason.
pub const COLLECT_MAX: usize = 1000;
/// Reply buffers kept for reuse, and the size above which one is given back to the allocator.
pub const BUFFERS_KEPT_MAX: usize = 64;
pub const BUFFER_KEPT_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may take until it asks for a session, as ZooKeeper's default.
pub const HANDSHAKE_US_MAX: i64 = 10_000_000;
/// Bytes of answers that one read of a socket may cause before the rest of its requests is kept
/// back: a few hundred requests for a megabyte each must not become a few hundred megabytes.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Work of one turn, in steps of about ten nanoseconds, before the rest of it waits for the next one:
/// about a millisecond, in which nobody else is served. A small request with a small answer can ask for
/// a look at every znode.
pub const STEPS_MAX: u64 = 100_000;
/// What weighs on a connection's queue, before nothing more is taken of it: bytes of requests that wait to
/// be answered here, and steps of work that it may take. A thousand reads have a tenth of it; it is ten
/// milliseconds of counting znodes, which may have to be done at once where a write is behind it.
pub const QUEUED_WEIGHT_MAX: usize = 1 << 20;
/// What part of its session's time a connection stays without a leader. Its client waits two thirds
/// for an answer, and is silent for a third at most: so it notices before the session ends elsewhere.
pub const LEADERLESS_PARTS: i64 = 3;
/// Sessions on their way to this node that are reported at once; the others live by their own.
pub const ARRIVING_MAX: usize = 4096;
/// Bytes of what a leader decided from which on it decides nothing more before they are in an entry: a
/// portion of expiries, or one long path, comes on top.
pub const DECISIONS_BYTES_MAX: usize = 64 * 1024;
/// Watches of lost connections forgotten in one step, about two milliseconds: one client may have had
/// a hundred thousand, and nobody is to wait for that.
pub const WATCHES_SWEPT_MAX: usize = 2000;
/// The same with each new watch. Two, so that whoever goes on adding watches and leaving has forgotten
/// those of before by the time that it leaves: they never pile up.
pub const WATCHES_SWEPT_PER_ADD: usize = 2;
