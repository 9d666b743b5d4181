//! Builds a store from the records of a walk, in any order, and mistrusts them.
//!
//! A record carries its own slot and its parent's, so that each is put in its place and linked at
//! once; a parent whose record has yet to come keeps the links in its slot meanwhile. The index is
//! made at the end: until then nothing is found by name.

use super::block::{self, Links};
use super::children::Step;
use super::slots::{AWAITED, NIL, NODES_MAX, Slot};
use super::{Damaged, NodeId, ROOT, Store};
use crate::jute::Reader;

/// How far a restore is.
#[derive(Default)]
pub(super) struct Restore {
    /// Slots that have children but no record yet.
    awaited: u32,
    has_root: bool,
}

impl Store {
    /// Takes one record (length field included) into a fresh store; records may come in any order.
    /// After `Damaged` throw the store away.
    pub fn restore(&mut self, record: &mut Reader) -> Result<(), Damaged> {
        if self.restoring.is_none() {
            if self.slots.live() != 1 || self.num_children(ROOT) != 0 {
                return Err(Damaged);
            }
            self.walk_abandon();
            self.restoring = Some(Restore::default());
        }
        let found = block::parse_record(record).map_err(|_| Damaged)?;
        let links = self.links(found.slot);
        self.scratch.clear();
        block::encode(&mut self.scratch, links, found.view.name, &found.view.meta, found.view.data);
        if found.slot == ROOT.0 {
            return self.restore_root(found.parent, found.view.name);
        }
        self.restore_znode(found.slot, found.parent, found.view.name)
    }

    /// Checks that the records made one whole tree of `count` znodes, the root counted. This goes
    /// through every znode: it belongs before serving, not into it.
    pub fn restore_end(&mut self, count: u64) -> Result<(), Damaged> {
        let restore = self.restoring.take().ok_or(Damaged)?;
        if !restore.has_root || restore.awaited != 0 || self.node_count() != count {
            return Err(Damaged);
        }
        // What cannot be reached from the root hangs in a ring.
        let (mut reached, mut path_bytes, mut bytes) = (1_u64, 0, 1 + self.data_len(ROOT.0));
        for step in self.below(ROOT.0) {
            match step {
                Step::Enter(id) => {
                    reached += 1;
                    path_bytes += 1 + self.name_len(id);
                    bytes += path_bytes + self.data_len(id);
                }
                Step::Leave(id) if id == ROOT.0 => {}
                Step::Leave(id) => path_bytes -= 1 + self.name_len(id),
            }
        }
        if reached != count {
            return Err(Damaged);
        }
        self.index_all()?;
        self.data_bytes = bytes;
        self.slots.thread_free();
        Ok(())
    }

    /// Keeps the links of a parent whose record has yet to come.
    pub(super) fn await_record(&mut self, id: u32, links: Links) {
        let Some(restore) = &mut self.restoring else { return };
        restore.awaited += 1;
        self.slots.edit(id, |slot| {
            (slot.block, slot.next, slot.prev) = (AWAITED, links.first, links.count);
        });
    }

    /// Makes the index at once in its full size, which takes a third of the time that growing does,
    /// and finds names that are there twice.
    fn index_all(&mut self) -> Result<(), Damaged> {
        self.index.reserve(self.slots.live());
        let mut next = 1;
        while let Some(id) = self.slots.next_live(next) {
            let slot = self.slots.get(id);
            let mut at = self.index.first(slot.tag);
            while at != NIL {
                let other = self.slots.get(at);
                let alike = other.tag == slot.tag && other.parent == slot.parent;
                if alike && self.name_bytes(NodeId(at)) == self.name_bytes(NodeId(id)) {
                    return Err(Damaged);
                }
                at = other.chain;
            }
            self.index.insert(&mut self.slots, id);
            next = id + 1;
        }
        Ok(())
    }

    fn restore_root(&mut self, parent: u32, name: &[u8]) -> Result<(), Damaged> {
        let restore = self.restoring.as_mut().ok_or(Damaged)?;
        if parent != NIL || !name.is_empty() || restore.has_root {
            return Err(Damaged);
        }
        restore.has_root = true;
        let old = self.slots.get(ROOT.0).block;
        let block = self.store_scratch(old);
        self.slots.edit(ROOT.0, |slot| slot.block = block);
        Ok(())
    }

    fn restore_znode(&mut self, id: u32, parent: u32, name: &[u8]) -> Result<(), Damaged> {
        let is_name = !name.is_empty() && !name.contains(&b'/') && str::from_utf8(name).is_ok();
        if id >= NODES_MAX || parent >= NODES_MAX || id == parent || !is_name {
            return Err(Damaged);
        }
        let before = self.slots.get(id);
        if before.is_live() {
            return Err(Damaged);
        }
        let tag = self.index.tag(parent, name);
        if before.block == AWAITED
            && let Some(restore) = &mut self.restoring
        {
            restore.awaited -= 1;
        }
        let block = self.store_scratch(NIL);
        self.slots.reach(parent);
        self.slots.put(id, Slot { block, parent, next: NIL, prev: NIL, chain: NIL, tag });
        self.link(parent, id);
        Ok(())
    }
}
