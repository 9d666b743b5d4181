//! One number for the whole tree, kept up to date with every change: two nodes that applied the same
//! entries have the same, and one that differs has gone wrong.
//!
//! It is the wrapping sum of three hashes for each znode, each over its path and a part of it: data;
//! what a write to the znode changes; what a change of its children changes. So a change costs the
//! hash of what it touches, in whichever order things came about, and a parent with much data is not
//! hashed anew for every child. ACLs count by their content: their ids differ from node to node.
//! It guards against bugs and broken memory, not against somebody who searches for collisions.

use crate::fold::fold;
use crate::store::Meta;

/// Odd, with no pattern in their bits (digits of the square roots of 2, 3, 5 and 6).
const MIX: [u64; 4] =
    [0x6A09_E667_F3BC_C909, 0xBB67_AE85_84CA_A73B, 0x3C6E_F372_FE94_F82B, 0x7311_C281_2425_CFA1];

/// The hash of any bytes.
pub fn of_bytes(bytes: &[u8]) -> u64 {
    seeded(MIX[0], bytes)
}

/// The part of a znode's data; null differs from empty.
pub fn of_data(path: u64, data: Option<&[u8]>) -> u64 {
    data.map_or_else(|| fold(path ^ MIX[1], MIX[2]), |data| seeded(path ^ MIX[2], data))
}

/// The part that a write to the znode changes. `acl` is the hash of its list.
pub fn of_stat(path: u64, meta: &Meta, acl: u64) -> u64 {
    let versions = u64::from(meta.version as u32) << 32 | u64::from(meta.aversion as u32);
    let pairs = [
        (meta.czxid as u64, meta.ctime as u64),
        (meta.mzxid as u64, meta.mtime as u64),
        (meta.owner as u64, acl),
        (versions, path),
    ];
    let mut lanes = [0; 4];
    for ((lane, (left, right)), mix) in lanes.iter_mut().zip(pairs).zip(MIX) {
        *lane = fold(left ^ path ^ mix, right ^ mix.rotate_left(32));
    }
    joined(lanes)
}

/// The part that a change of the znode's children changes.
pub fn of_stamps(path: u64, meta: &Meta) -> u64 {
    let hash = fold(path ^ MIX[3] ^ meta.pzxid as u64, MIX[1]);
    fold(hash ^ u64::from(meta.creates as u32), MIX[2])
}

/// One record of few numbers.
pub fn of_words(words: &[u64]) -> u64 {
    words.iter().fold(MIX[2], |hash, word| fold(hash ^ word, MIX[0]))
}

/// Four lanes, which the processor worked on at once, as one.
const fn joined(lanes: [u64; 4]) -> u64 {
    let [first, second, third, fourth] = lanes;
    fold(first ^ second.rotate_left(17) ^ MIX[1], third ^ fourth.rotate_left(29) ^ MIX[3])
}

/// Long data goes through four lanes.
fn seeded(seed: u64, bytes: &[u8]) -> u64 {
    let mut hash = fold(seed ^ bytes.len() as u64, MIX[0]);
    let (blocks, rest) = bytes.as_chunks::<32>();
    if !blocks.is_empty() {
        let mut lanes = MIX.map(|mix| hash ^ mix);
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            for ((lane, word), mix) in lanes.iter_mut().zip(words).zip(MIX) {
                *lane = fold(*lane ^ u64::from_le_bytes(*word), mix);
            }
        }
        hash ^= joined(lanes);
    }
    let (words, tail) = rest.as_chunks::<8>();
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word), MIX[2]);
    }
    let tail = tail.iter().fold(0, |tail, &byte| (tail << 8) | u64::from(byte));
    fold(hash ^ tail, MIX[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte and the length count, at every place of every length.
    #[test]
    fn every_byte_counts() {
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..100 {
            let mut bytes = vec![0; length];
            assert!(seen.insert(of_bytes(&bytes)));
            for at in 0..length {
                bytes[at] = 1;
                assert!(seen.insert(of_bytes(&bytes)), "{length} {at}");
                bytes[at] = 0;
            }
        }
    }

    /// Every field counts, and null data is something of its own.
    #[test]
    fn every_field_counts() {
        let zero = Meta::default();
        let changed = [
            Meta { czxid: 1, ..zero },
            Meta { mzxid: 1, ..zero },
            Meta { ctime: 1, ..zero },
            Meta { mtime: 1, ..zero },
            Meta { version: 1, ..zero },
            Meta { aversion: 1, ..zero },
            Meta { owner: 1, ..zero },
        ];
        let mut seen = std::collections::BTreeSet::from([of_stat(5, &zero, 0)]);
        assert!(seen.insert(of_stat(6, &zero, 0)) && seen.insert(of_stat(5, &zero, 1)));
        assert!(changed.iter().all(|meta| seen.insert(of_stat(5, meta, 0))));
        for meta in [zero, Meta { pzxid: 1, ..zero }, Meta { creates: 1, ..zero }] {
            assert!(seen.insert(of_stamps(5, &meta)));
        }
        for data in [None, Some(&b""[..]), Some(b"\0")] {
            assert!(seen.insert(of_data(5, data)));
        }
    }
}
