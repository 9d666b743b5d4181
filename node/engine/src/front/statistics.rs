//! What is counted: per node and per connection. Times are microseconds.

/// Upper bounds of the latency histograms' buckets; one more bucket is above the last.
pub const LATENCY_BOUNDS_US: [i64; 18] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Smallest, sum and largest of what was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spread {
    pub count: u64,
    pub sum: i64,
    pub min: i64,
    pub max: i64,
    pub last: i64,
}

impl Spread {
    pub fn add(&mut self, value: i64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.sum += value;
        self.count += 1;
        self.last = value;
    }

    #[allow(clippy::cast_precision_loss)] // a mean for people to read
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }
}

/// A histogram of latencies.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    pub spread: Spread,
    pub counts: [u64; LATENCY_BOUNDS_US.len() + 1],
}

impl Latencies {
    pub fn add(&mut self, latency_us: i64) {
        self.spread.add(latency_us);
        let bucket = LATENCY_BOUNDS_US.iter().position(|&bound| latency_us <= bound);
        self.counts[bucket.unwrap_or(LATENCY_BOUNDS_US.len())] += 1;
    }
}

/// Counters of the node; the views give them ZooKeeper's names.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    pub received: u64,
    pub sent: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub commits: u64,
    pub connections_accepted: u64,
    pub connections_dropped: u64,
    pub handshakes_refused: u64,
    pub large_requests_refused: u64,
    pub auth_failed: u64,
    /// Writes of this node's clients that a hard limit of a quota was in the way of.
    pub quota_exceeded: u64,
    pub sessions_expired: u64,
    pub sessions_revalidated: u64,
    pub reads_behind_writes: u64,
    /// Groups of the log that were not applied: most of them were sent twice.
    pub groups_skipped: u64,
    /// Runs of this node's groups that were given up, with the connections that waited.
    pub groups_given_up: u64,
    /// Events sent, by kind: created, deleted, data changed, children changed.
    pub events: [u64; 4],
    pub all: Spread,
    pub reads: Latencies,
    pub writes: Latencies,
    /// Of what is written to a socket at once.
    pub written_bytes: Spread,
}

/// Counters of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionStatistics {
    pub established_us: i64,
    pub received: u64,
    pub sent: u64,
    pub last_op: i32,
    pub last_cxid: i32,
    pub last_zxid: i64,
    pub last_response_us: i64,
    pub latency: Spread,
}

impl ConnectionStatistics {
    /// Forgets everything but when it began.
    pub fn reset(&mut self) {
        *self = Self { established_us: self.established_us, ..Self::default() };
    }
}
