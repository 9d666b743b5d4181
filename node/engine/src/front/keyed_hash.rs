//! The hash of the front's tables: fast, and keyed so that a client cannot choose collisions.
//!
//! The standard library's random state would read the operating system's random numbers, which the
//! engine does not do; the key comes from `origin`, which was drawn outside.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};

use crate::fold::fold;

pub type KeyedMap<K, V> = HashMap<K, V, KeyedState>;
pub type KeyedSet<K> = HashSet<K, KeyedState>;

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Clone, Copy, Debug, Default)]
pub struct KeyedState {
    key: u64,
}

impl KeyedState {
    pub const fn new(key: u64) -> Self {
        Self { key }
    }
}

impl BuildHasher for KeyedState {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { state: self.key ^ 0x51_7C_C1_B7_27_22_0A_95, key: self.key | 1 }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct KeyedHasher {
    state: u64,
    key: u64,
}

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
        let tail = chunks.remainder();
        if !tail.is_empty() {
            let mut word = [0; 8];
            word[..tail.len()].copy_from_slice(tail);
            self.write_u64(u64::from_le_bytes(word));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.state = fold(self.state ^ value, MULTIPLIER ^ self.key);
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        fold(self.state, self.key ^ MULTIPLIER)
    }
}
