//! Restore mistrusts its records: what is broken, or makes no tree, is refused.

use std::collections::BTreeSet;

use super::{Twins, dump, records, restored, walk_all};
use crate::jute::Writer;
use crate::store::slots::{NIL, NODES_MAX, Slot, Slots};
use crate::store::{Damaged, NodeId};

/// Broken records are refused or make another whole tree; nothing panics.
#[test]
fn damaged_records_are_refused() {
    let mut twins = Twins::new(9);
    (0..25).for_each(|_| twins.change(6));
    let good = records(&walk_all(&mut twins.store));
    assert!(restored(&good).is_ok());
    let mut refused = 0;
    for at in 0..good.len() {
        let mut lacking = good.clone();
        lacking.remove(at);
        let is_leaf = restored(&lacking).is_ok();
        refused += u32::from(!is_leaf);
        let mut twice = good.clone();
        twice.push(good[at].clone());
        assert!(restored(&twice).is_err());
        for cut in (0..good[at].len()).take(60).chain([good[at].len() - 1]) {
            let mut cut_off = good.clone();
            cut_off[at].truncate(cut);
            assert!(restored(&cut_off).is_err());
        }
        for bit in 0..good[at].len().min(32) * 8 {
            let mut flipped = good.clone();
            flipped[at][bit / 8] ^= 1 << (bit % 8);
            match restored(&flipped) {
                Ok(store) => assert_eq!(dump(&store).len(), good.len()),
                Err(Damaged) => refused += 1,
            }
        }
    }
    assert!(refused > 1000);
}

fn record(slot: u32, parent: u32, name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u32(slot);
    body.put_u32(parent);
    body.put_u8(0);
    body.put_u8(name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    body.put_u16(0);
    let mut record = Vec::new();
    record.put_buf(Some(&body));
    record
}

/// Records that are sound one by one must still make one tree.
#[test]
fn records_that_make_no_tree_are_refused() {
    let root = || record(0, u32::MAX, "");
    assert!(restored(&[root(), record(5, 0, "a"), record(3, 5, "b")]).is_ok());
    let ring = [root(), record(5, 3, "a"), record(3, 5, "b")];
    assert!(restored(&ring).is_err());
    assert!(restored(&[root(), record(5, 5, "a")]).is_err());
    assert!(restored(&[root(), record(5, 4, "a")]).is_err());
    assert!(restored(&[root(), record(5, 0, "a"), record(6, 0, "a")]).is_err());
    assert!(restored(&[root(), record(5, 0, "a"), record(5, 0, "b")]).is_err());
    assert!(restored(&[root(), record(5, 0, "a/b")]).is_err());
    assert!(restored(&[root(), record(5, 0, "")]).is_err());
    assert!(restored(&[record(5, 0, "a")]).is_err());
    assert!(restored(&[root(), root()]).is_err());
    assert!(restored(&[root(), record(u32::MAX, 0, "a")]).is_err());
    assert!(restored(&[root(), record(5, u32::MAX, "a")]).is_err());
    assert!(restored(&[]).is_err());
}

/// A store whose last slot is taken is not full while there are slots before it.
#[test]
fn slots_that_a_restore_left_out_are_used_in_the_end() {
    let mut slots = Slots::new();
    let slot = Slot { block: 0, parent: NIL, next: NIL, prev: NIL, chain: NIL, tag: 0 };
    let live = [0, 1_023, 5_000, NODES_MAX - 1];
    for id in live {
        slots.put(id, slot);
    }
    slots.thread_free();
    let mut seen = BTreeSet::from(live);
    for _ in 0..10_000 {
        let id = slots.add(slot);
        assert!(id.is_some_and(|id| id < NODES_MAX && seen.insert(id)), "{id:?}");
    }
    assert_eq!(slots.live() as usize, seen.len());
    slots.release(5_000);
    assert_eq!(slots.add(slot), Some(5_000));
}

/// A slot number far away takes little memory, and its gap is no list of free slots.
#[test]
fn a_far_slot_takes_little_memory() {
    let far = NODES_MAX - 1;
    let records = [record(0, u32::MAX, ""), record(far, 0, "a")];
    let Ok(store) = restored(&records) else { unreachable!() };
    assert_eq!(store.lookup("/a"), Some(NodeId(far)));
    assert!(store.memory_bytes() < 10 << 20);
}
