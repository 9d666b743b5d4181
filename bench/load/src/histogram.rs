//! Latencies in buckets that are at most 1/128 wide: fixed memory, however long the run.

const SUB_BITS: u32 = 7;
const SUB_COUNT: usize = 1 << SUB_BITS;
/// 2^42 ns is more than an hour; nothing is slower in a run that ends.
const EXPONENT_MAX: u32 = 42;
const BUCKETS: usize = (EXPONENT_MAX - SUB_BITS + 1) as usize * SUB_COUNT + SUB_COUNT;

pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum_ns: u128,
    max_ns: u64,
}

impl Histogram {
    pub fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, sum_ns: 0, max_ns: 0 }
    }

    pub fn record(&mut self, ns: u64) {
        self.buckets[bucket_of(ns)] += 1;
        self.count += 1;
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn mean_us(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        self.sum_ns as f64 / self.count as f64 / 1e3
    }

    pub fn max_us(&self) -> f64 {
        self.max_ns as f64 / 1e3
    }

    /// The latency that `share` of all requests did not exceed (upper edge of its bucket).
    pub fn percentile_us(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper_edge(index).min(self.max_ns) as f64 / 1e3;
            }
        }
        self.max_us()
    }
}

/// Values below 2·128 have a bucket each; above, each power of two is cut into 128.
fn bucket_of(ns: u64) -> usize {
    let ns = ns.min((1 << EXPONENT_MAX) - 1);
    let shift = (64 - ns.leading_zeros()).saturating_sub(SUB_BITS + 1);
    shift as usize * SUB_COUNT + (ns >> shift) as usize
}

fn upper_edge(bucket: usize) -> u64 {
    if bucket < 2 * SUB_COUNT {
        return bucket as u64;
    }
    let shift = bucket / SUB_COUNT - 1;
    let base = (bucket - shift * SUB_COUNT) as u64;
    ((base + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value lies in its bucket, and the bucket is at most 1/128 above it.
    #[test]
    fn a_bucket_is_never_more_than_one_percent_off() {
        let mut value = 1_u64;
        while value < 1 << 41 {
            let edge = upper_edge(bucket_of(value));
            assert!(edge >= value && edge - value <= value / 128, "{value} {edge}");
            value += value / 97 + 1;
        }
    }

    /// Percentiles of 1..=1000 µs are what they are called.
    #[test]
    fn percentiles_of_a_ramp_are_its_values() {
        let mut histogram = Histogram::new();
        (1..=1000_u64).for_each(|us| histogram.record(us * 1000));
        assert!((histogram.percentile_us(0.5) - 500.0).abs() < 5.0);
        assert!((histogram.percentile_us(0.99) - 990.0).abs() < 9.0);
        assert!((histogram.max_us() - 1000.0).abs() < f64::EPSILON);
    }
}
