//! Builds a store from the records of a walk, in any order, and mistrusts them.
//!
//! A record carries its own slot and its parent's, so that each is put in its place and linked at
//! once; a parent whose record has yet to come keeps the links in its slot meanwhile. The index is
//! made at the end: until then nothing is found by name. What goes through every znode then is cut
//! into slices, so that a member that loads another's snapshot answers in between.

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
    stage: Stage,
}

/// What is left to do once all records are there.
#[derive(Clone, Copy)]
enum Stage {
    /// Whether the root reaches all: what it does not hangs in a ring.
    Reach(Reach),
    /// The index, from this slot on.
    Index(u32),
}

/// How far the way through the tree is.
#[derive(Clone, Copy)]
struct Reach {
    last: Step,
    znodes: u64,
    path_bytes: u64,
    bytes: u64,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Reach(Reach { last: Step::Enter(ROOT.0), znodes: 1, path_bytes: 0, bytes: 1 })
    }
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

    /// Checks that the records made one whole tree of `count` znodes, the root counted, as far as
    /// about `znodes` of them; whether something is left to do. When nothing is the store is ready.
    pub fn restore_more(&mut self, count: u64, znodes: u32) -> Result<bool, Damaged> {
        let restore = self.restoring.as_ref().ok_or(Damaged)?;
        if !restore.has_root || restore.awaited != 0 || self.node_count() != count {
            return Err(Damaged);
        }
        let stage = match restore.stage {
            Stage::Reach(reach) => Some(self.reach_some(reach, count, znodes)?),
            Stage::Index(from) => self.index_some(from, znodes)?.map(Stage::Index),
        };
        if let Some(stage) = stage {
            if let Some(restore) = &mut self.restoring {
                restore.stage = stage;
            }
            return Ok(true);
        }
        self.restoring = None;
        self.slots.thread_free();
        Ok(false)
    }

    /// All of it at once.
    pub fn restore_end(&mut self, count: u64) -> Result<(), Damaged> {
        while self.restore_more(count, u32::MAX)? {}
        Ok(())
    }

    fn reach_some(&mut self, mut reach: Reach, count: u64, znodes: u32) -> Result<Stage, Damaged> {
        let until = reach.znodes + u64::from(znodes);
        let mut ended = true;
        for step in self.below_from(ROOT.0, reach.last) {
            reach.last = step;
            match step {
                Step::Enter(id) => {
                    reach.znodes += 1;
                    reach.path_bytes += 1 + self.name_len(id);
                    reach.bytes += reach.path_bytes + self.data_len(id);
                    if reach.znodes >= until {
                        ended = false;
                        break;
                    }
                }
                Step::Leave(id) if id == ROOT.0 => {}
                Step::Leave(id) => reach.path_bytes -= 1 + self.name_len(id),
            }
        }
        if !ended {
            return Ok(Stage::Reach(reach));
        }
        if reach.znodes != count {
            return Err(Damaged);
        }
        self.data_bytes = reach.bytes + self.data_len(ROOT.0);
        self.index.reserve(self.slots.live());
        Ok(Stage::Index(1))
    }

    /// Keeps the links of a parent whose record has yet to come.
    pub(super) fn await_record(&mut self, id: u32, links: Links) {
        let Some(restore) = &mut self.restoring else { return };
        restore.awaited += 1;
        self.slots.edit(id, |slot| {
            (slot.block, slot.next, slot.prev) = (AWAITED, links.first, links.count);
        });
    }

    /// Fills the index, which has its full size from the beginning: that takes a third of the time
    /// that growing does. Finds names that are there twice. Answers where to go on.
    fn index_some(&mut self, from: u32, znodes: u32) -> Result<Option<u32>, Damaged> {
        let mut next = from;
        for _ in 0..znodes {
            let Some(id) = self.slots.next_live(next) else { return Ok(None) };
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
        Ok(Some(next))
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
