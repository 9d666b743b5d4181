//! Znodes in memory: blocks, slots, the index, the walk of a snapshot.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | the store: reads and changes of one znode |
//! | `slots`, `chunked` | the table of slots, which ties a znode to its relatives |
//! | `arena`, `block` | memory for blocks, and what is written in one |
//! | `index`, `sip_hash` | finds a child by name |
//! | `children` | lists of children, and the way through a subtree |
//! | `walk`, `restore` | a snapshot out of a store that goes on changing, and back |
//!
//! The store keeps what it is told: it knows no ACLs, sessions, zxids or rules of ZooKeeper. No
//! call touches memory in proportion to the number of znodes, `restore_end` and the count of
//! descendants excepted. A `NodeId` that is not live reads as an empty znode and never panics.

mod arena;
mod block;
mod children;
mod chunked;
mod index;
mod restore;
mod sip_hash;
mod slots;
#[cfg(test)]
pub(crate) mod tests;
mod walk;

pub use children::Children;

use arena::Arena;
use block::{Links, View};
use index::Index;
use restore::Restore;
use slots::{NIL, Slot, Slots};
use walk::Walk;

/// A slot: stable while the znode lives, used again after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

pub const ROOT: NodeId = NodeId(0);

/// The scratch block above this is given back after use.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;

/// Everything of a znode's Stat that is stored, and its ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Meta {
    pub czxid: i64,
    pub mzxid: i64,
    pub pzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    /// Creates of children so far (the stored cversion); wraps.
    pub creates: i32,
    pub aversion: i32,
    /// `ephemeralOwner` as ZooKeeper stores it: 0, a session, container `i64::MIN`, TTL `0xFF…`.
    pub owner: i64,
    /// Id in the machine's ACL table; 0 is `world:anyone:ALL`.
    pub acl: u32,
}

/// The store holds as many znodes as it ever may, or the parent is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The records of a snapshot do not make a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// All that is kept of one znode, read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Znode<'a> {
    pub name: &'a [u8],
    pub meta: Meta,
    pub data: Option<&'a [u8]>,
    pub num_children: u32,
}

/// What a rewrite changes; `None` keeps what the znode has.
#[derive(Default)]
struct Change<'a> {
    links: Option<Links>,
    meta: Option<&'a Meta>,
    #[expect(clippy::option_option, reason = "null data is a value to change to")]
    data: Option<Option<&'a [u8]>>,
}

pub struct Store {
    slots: Slots,
    arena: Arena,
    index: Index,
    data_bytes: u64,
    walk: Option<Walk>,
    restoring: Option<Restore>,
    scratch: Vec<u8>,
}

impl Store {
    /// A store that holds only ROOT, with empty data. The seed keys the index, and must be nothing
    /// that a client knows: names that collide under one seed do not under another.
    pub fn new(seed: u64) -> Self {
        let mut store = Self {
            slots: Slots::new(),
            arena: Arena::new(),
            index: Index::new(seed),
            data_bytes: 1,
            walk: None,
            restoring: None,
            scratch: Vec::new(),
        };
        block::encode(&mut store.scratch, Links::NONE, b"", &Meta::default(), Some(b""));
        let block = store.arena.store(NIL, &store.scratch, 0);
        let root = Slot { block, parent: NIL, next: NIL, prev: NIL, chain: NIL, tag: 0 };
        store.slots.put(ROOT.0, root);
        store
    }

    /// The znode at a valid absolute path.
    pub fn lookup(&self, path: &str) -> Option<NodeId> {
        let names = path.as_bytes().strip_prefix(b"/")?;
        if names.is_empty() {
            return Some(ROOT);
        }
        let mut at = ROOT.0;
        for name in names.split(|&byte| byte == b'/') {
            at = self.find(at, name, self.index.tag(at, name))?;
        }
        Some(NodeId(at))
    }

    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let name = name.as_bytes();
        self.find(parent.0, name, self.index.tag(parent.0, name)).map(NodeId)
    }

    /// Everything of a znode in one read; `None` if it is not live.
    pub fn read(&self, id: NodeId) -> Option<Znode<'_>> {
        let View { name, meta, data, .. } = self.view(id.0)?;
        Some(Znode { name, meta, data, num_children: self.num_children(id) })
    }

    pub fn meta(&self, id: NodeId) -> Meta {
        self.view(id.0).map(|view| view.meta).unwrap_or_default()
    }

    /// The data; `None` is null, which differs from empty.
    pub fn data(&self, id: NodeId) -> Option<&[u8]> {
        self.view(id.0)?.data
    }

    pub fn name(&self, id: NodeId) -> &str {
        str::from_utf8(self.name_bytes(id)).unwrap_or_default()
    }

    /// The name unchecked for UTF-8, which it is.
    pub fn name_bytes(&self, id: NodeId) -> &[u8] {
        self.block(id.0).map(block::name).unwrap_or_default()
    }

    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        let slot = self.slots.get(id.0);
        (slot.is_live() && slot.parent != NIL).then_some(NodeId(slot.parent))
    }

    /// Appends the absolute path.
    pub fn push_path(&self, id: NodeId, out: &mut Vec<u8>) {
        if id == ROOT {
            out.push(b'/');
            return;
        }
        let start = out.len();
        out.resize(start + self.path_len(id.0) as usize, b'/');
        let (mut end, mut at) = (out.len(), id);
        while let Some(parent) = self.parent(at) {
            let name = self.name_bytes(at);
            end -= name.len();
            out[end..end + name.len()].copy_from_slice(name);
            end -= 1;
            at = parent;
        }
    }

    /// Links a new znode under `parent`. The parent's own `Meta` is the caller's business, and so
    /// is that no child of this name exists.
    pub fn insert(
        &mut self,
        parent: NodeId,
        name: &str,
        data: Option<&[u8]>,
        meta: &Meta,
    ) -> Result<NodeId, Full> {
        if !self.slots.get(parent.0).is_live() {
            return Err(Full);
        }
        let tag = self.index.tag(parent.0, name.as_bytes());
        let slot = Slot { block: NIL, parent: parent.0, next: NIL, prev: NIL, chain: NIL, tag };
        let id = self.slots.add(slot).ok_or(Full)?;
        if let Some(walk) = &mut self.walk {
            walk.set_done(id);
        }
        self.scratch.clear();
        block::encode(&mut self.scratch, Links::NONE, name.as_bytes(), meta, data);
        let block = self.store_scratch(NIL);
        self.slots.edit(id, |slot| slot.block = block);
        self.index.insert(&mut self.slots, id);
        self.link(parent.0, id);
        self.data_bytes += self.path_len(id) + data.map_or(0, <[u8]>::len) as u64;
        Ok(NodeId(id))
    }

    /// Removes a leaf. A znode with children, and the root, stay.
    pub fn remove(&mut self, id: NodeId) {
        let block = self.slots.get(id.0).block;
        if self.parent(id).is_none() || self.num_children(id) != 0 {
            return;
        }
        self.save_for_walk(id.0);
        let bytes = self.path_len(id.0) + self.data_len(id.0);
        self.data_bytes = self.data_bytes.saturating_sub(bytes);
        self.unlink(id.0);
        self.index.remove(&mut self.slots, id.0);
        self.arena.free(block);
        self.slots.release(id.0);
    }

    /// Replaces data and meta in one rewrite, in place when the size class stays.
    pub fn set_data(&mut self, id: NodeId, data: Option<&[u8]>, meta: &Meta) -> Result<(), Full> {
        let Some(view) = self.view(id.0) else { return Err(Full) };
        let (old, new) = (view.data.map_or(0, <[u8]>::len), data.map_or(0, <[u8]>::len));
        self.save_for_walk(id.0);
        self.rewrite(id.0, &Change { meta: Some(meta), data: Some(data), ..Change::default() });
        self.data_bytes = self.data_bytes.saturating_sub(old as u64) + new as u64;
        Ok(())
    }

    pub fn set_meta(&mut self, id: NodeId, meta: &Meta) {
        let Some(view) = self.view(id.0) else { return };
        let old = view.meta;
        self.save_for_walk(id.0);
        let (pzxid, creates) = (meta.pzxid, meta.creates);
        let handle = self.slots.get(id.0).block;
        // A parent gets new stamps with every child: those are at a fixed place.
        let only_stamps = *meta == Meta { pzxid, creates, ..old };
        if only_stamps && block::links(self.arena.get(handle)).is_some() {
            block::set_stamps(self.arena.get_mut(handle), pzxid, creates);
        } else {
            self.rewrite(id.0, &Change { meta: Some(meta), ..Change::default() });
        }
    }

    /// Znodes, the root counted.
    pub const fn node_count(&self) -> u64 {
        self.slots.live() as u64
    }

    /// Bytes of all paths and data, as ZooKeeper's `approximate_data_size` counts them.
    pub const fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> u64 {
        let walk = self.walk.as_ref().map_or(0, Walk::bytes);
        (self.slots.bytes() + self.arena.bytes() + self.index.bytes() + walk) as u64
    }

    /// Every live znode, in slot order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        let first = self.slots.next_live(0);
        std::iter::successors(first, |id| self.slots.next_live(id + 1)).map(NodeId)
    }

    /// The first znode in the order of `ids` whose id is not below this one.
    pub fn next_id(&self, from: u32) -> Option<NodeId> {
        self.slots.next_live(from).map(NodeId)
    }

    /// The length of the longest chain of the index.
    #[cfg(test)]
    pub(crate) fn longest_chain(&self) -> usize {
        self.index.longest_chain(&self.slots)
    }

    fn block(&self, id: u32) -> Option<&[u8]> {
        let slot = self.slots.get(id);
        slot.is_live().then(|| self.arena.get(slot.block))
    }

    fn view(&self, id: u32) -> Option<View<'_>> {
        block::parse(self.block(id)?).ok()
    }

    fn name_len(&self, id: u32) -> u64 {
        self.name_bytes(NodeId(id)).len() as u64
    }

    fn data_len(&self, id: u32) -> u64 {
        self.data(NodeId(id)).map_or(0, <[u8]>::len) as u64
    }

    /// The length of the path of a znode, 0 for the root.
    fn path_len(&self, id: u32) -> u64 {
        let (mut length, mut at) = (0, NodeId(id));
        while let Some(parent) = self.parent(at) {
            length += 1 + self.name_len(at.0);
            at = parent;
        }
        length
    }

    fn find(&self, parent: u32, name: &[u8], tag: u32) -> Option<u32> {
        let mut at = self.index.first(tag);
        while at != NIL {
            let slot = self.slots.get(at);
            if slot.tag == tag
                && slot.parent == parent
                && block::name(self.arena.get(slot.block)) == name
            {
                return Some(at);
            }
            at = slot.chain;
        }
        None
    }

    /// Writes the block of a live znode anew.
    fn rewrite(&mut self, id: u32, change: &Change) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let links = change.links.unwrap_or_else(|| self.links(id));
        let Some(view) = self.view(id) else { return };
        let meta = change.meta.unwrap_or(&view.meta);
        let data = change.data.unwrap_or(view.data);
        block::encode(&mut scratch, links, view.name, meta, data);
        self.scratch = scratch;
        let handle = self.store_scratch(self.slots.get(id).block);
        self.slots.edit(id, |slot| slot.block = handle);
    }

    /// Stores the block that was written to `scratch`, in the place of `old` if it fits.
    fn store_scratch(&mut self, old: u32) -> u32 {
        let room = block::room_to_change(&self.scratch);
        let handle = self.arena.store(old, &self.scratch, room);
        if self.scratch.capacity() > SCRATCH_BYTES_MAX {
            self.scratch = Vec::new();
        }
        handle
    }
}
