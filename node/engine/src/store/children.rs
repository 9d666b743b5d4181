//! The list of a znode's children, and the walk over all that is below a znode.
//!
//! Siblings are linked both ways through their slots; the parent's block keeps the first child and
//! the count, and the first child's `prev` is the last one. So listing follows one chain, and
//! linking and unlinking touch three slots at the most.

use super::block::{self, Links};
use super::slots::{AWAITED, NIL, Slots};
use super::{Change, NodeId, Store};

/// The children of one znode, in no promised order.
#[derive(Clone)]
pub struct Children<'a> {
    slots: &'a Slots,
    next: u32,
    left: u32,
}

impl Iterator for Children<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        self.left = self.left.checked_sub(1)?;
        let id = self.next;
        self.next = self.slots.get(id).next;
        Some(NodeId(id))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Children<'_> {}

/// A step of the walk over everything below a znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Enter(u32),
    Leave(u32),
}

/// Goes through everything below `top`, parents before children, with no memory but its place.
pub(super) struct Below<'a> {
    store: &'a Store,
    top: u32,
    last: Step,
}

impl Iterator for Below<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (child, at) = match self.last {
            Step::Enter(at) => (self.store.links(at).first, at),
            Step::Leave(at) if at == self.top => return None,
            Step::Leave(at) => {
                let slot = self.store.slots.get(at);
                (slot.next, slot.parent)
            }
        };
        self.last = if child == NIL { Step::Leave(at) } else { Step::Enter(child) };
        Some(self.last)
    }
}

impl Store {
    pub fn num_children(&self, id: NodeId) -> u32 {
        self.links(id.0).count
    }

    pub fn children(&self, id: NodeId) -> Children<'_> {
        let links = self.links(id.0);
        Children { slots: &self.slots, next: links.first, left: links.count }
    }

    /// All znodes below this one: takes time for each of them.
    pub fn descendants_count(&self, id: NodeId) -> u64 {
        self.below(id.0).filter(|step| matches!(step, Step::Enter(_))).count() as u64
    }

    /// Every znode below `top` is entered and left, and `top` itself left at the end.
    pub(super) const fn below(&self, top: u32) -> Below<'_> {
        self.below_from(top, Step::Enter(top))
    }

    /// The same, from behind a step of it on.
    pub(super) const fn below_from(&self, top: u32, last: Step) -> Below<'_> {
        Below { store: self, top, last }
    }

    pub(super) fn links(&self, id: u32) -> Links {
        let slot = self.slots.get(id);
        match slot.block {
            NIL => Links::NONE,
            AWAITED => Links { first: slot.next, count: slot.prev },
            handle => block::links(self.arena.get(handle)).unwrap_or(Links::NONE),
        }
    }

    /// Makes `id` the last child of `parent`.
    pub(super) fn link(&mut self, parent: u32, id: u32) {
        let links = self.links(parent);
        if links.first == NIL {
            self.slots.edit(id, |slot| (slot.prev, slot.next) = (id, NIL));
            self.set_links(parent, Links { first: id, count: 1 });
            return;
        }
        let last = self.slots.get(links.first).prev;
        self.slots.edit(id, |slot| (slot.prev, slot.next) = (last, NIL));
        self.slots.edit(last, |slot| slot.next = id);
        self.slots.edit(links.first, |slot| slot.prev = id);
        self.set_links(parent, Links { count: links.count + 1, ..links });
    }

    pub(super) fn unlink(&mut self, id: u32) {
        let slot = self.slots.get(id);
        let mut links = self.links(slot.parent);
        if links.first == id {
            links.first = slot.next;
        } else {
            self.slots.edit(slot.prev, |before| before.next = slot.next);
        }
        // The last one's `next` is NIL, and its `prev` is then kept by the first.
        let after = if slot.next == NIL { links.first } else { slot.next };
        self.slots.edit(after, |found| found.prev = slot.prev);
        links.count = links.count.saturating_sub(1);
        self.set_links(slot.parent, links);
    }

    /// Rewrites the block of a znode that had no room for links yet.
    fn set_links(&mut self, id: u32, links: Links) {
        let handle = self.slots.get(id).block;
        if handle == NIL {
            self.await_record(id, links);
        } else if handle == AWAITED {
            self.slots.edit(id, |slot| (slot.next, slot.prev) = (links.first, links.count));
        } else if block::links(self.arena.get(handle)).is_some() {
            block::set_links(self.arena.get_mut(handle), links);
        } else if links.count != 0 {
            self.rewrite(id, &Change { links: Some(links), ..Change::default() });
        }
    }
}
