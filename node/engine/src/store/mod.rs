//! Znodes in memory: blocks, slots, the index, the walk of a snapshot.
//!
//! The store keeps what it is told: it knows no ACLs, sessions, zxids or rules of ZooKeeper.
//! It must never touch memory in proportion to the number of znodes in one call.

use std::collections::BTreeMap;

use crate::jute::{Reader, Writer};

/// A slot: stable while the znode lives, used again after.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(pub u32);

pub const ROOT: NodeId = NodeId(0);

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

/// The store holds as many znodes as it ever may.
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

struct Simple {
    parent: u32,
    name: Box<str>,
    data: Option<Box<[u8]>>,
    meta: Meta,
    children: Vec<NodeId>,
}

#[derive(Default)]
pub struct Store {
    nodes: Vec<Option<Simple>>,
    index: BTreeMap<(u32, Box<str>), u32>,
    walk: std::collections::VecDeque<Vec<u8>>,
}

impl Store {
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// An empty store whose hash is keyed: the same seed gives the same behaviour.
    pub fn with_seed(_seed: u64) -> Self {
        let root = Simple {
            parent: u32::MAX,
            name: "".into(),
            data: Some(Box::default()),
            meta: Meta::default(),
            children: Vec::new(),
        };
        Self {
            nodes: vec![Some(root)],
            ..Self::default()
        }
    }

    fn node(&self, id: NodeId) -> Option<&Simple> {
        self.nodes.get(id.0 as usize)?.as_ref()
    }

    pub fn lookup(&self, path: &str) -> Option<NodeId> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(ROOT, |at, name| self.child(at, name))
    }

    pub fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        self.index
            .get(&(parent.0, name.into()))
            .map(|&slot| NodeId(slot))
    }

    /// Everything of a znode in one read.
    pub fn read(&self, id: NodeId) -> Option<Znode<'_>> {
        let node = self.node(id)?;
        Some(Znode {
            name: node.name.as_bytes(),
            meta: node.meta,
            data: node.data.as_deref(),
            num_children: node.children.len() as u32,
        })
    }

    pub fn meta(&self, id: NodeId) -> Meta {
        self.node(id).map(|node| node.meta).unwrap_or_default()
    }

    /// The data; `None` is null, which differs from empty.
    pub fn data(&self, id: NodeId) -> Option<&[u8]> {
        self.node(id)?.data.as_deref()
    }

    pub fn name(&self, id: NodeId) -> &str {
        self.node(id).map(|node| &*node.name).unwrap_or_default()
    }

    pub fn name_bytes(&self, id: NodeId) -> &[u8] {
        self.name(id).as_bytes()
    }

    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id)
            .map(|node| NodeId(node.parent))
            .filter(|parent| parent.0 != u32::MAX)
    }

    pub fn num_children(&self, id: NodeId) -> u32 {
        self.node(id).map_or(0, |node| node.children.len() as u32)
    }

    pub fn children(&self, id: NodeId) -> Children<'_> {
        Children {
            inner: self
                .node(id)
                .map(|node| node.children.iter())
                .unwrap_or_default(),
        }
    }

    pub fn descendants_count(&self, id: NodeId) -> u64 {
        self.children(id)
            .map(|child| 1 + self.descendants_count(child))
            .sum()
    }

    pub fn push_path(&self, id: NodeId, out: &mut Vec<u8>) {
        if id == ROOT {
            out.push(b'/');
            return;
        }
        if let Some(parent) = self.parent(id).filter(|parent| *parent != ROOT) {
            self.push_path(parent, out);
        }
        out.push(b'/');
        out.extend_from_slice(self.name_bytes(id));
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
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Some(Simple {
            parent: parent.0,
            name: name.into(),
            data: data.map(Into::into),
            meta: *meta,
            children: Vec::new(),
        }));
        self.index.insert((parent.0, name.into()), id.0);
        if let Some(Some(node)) = self.nodes.get_mut(parent.0 as usize) {
            node.children.push(id);
        }
        Ok(id)
    }

    /// Removes a leaf. A znode with children, and the root, stay.
    pub fn remove(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id.0 as usize).and_then(Option::take) else {
            return;
        };
        self.index.remove(&(node.parent, node.name));
        if let Some(Some(parent)) = self.nodes.get_mut(node.parent as usize) {
            parent.children.retain(|child| *child != id);
        }
    }

    /// Replaces data and meta in one rewrite.
    pub fn set_data(&mut self, id: NodeId, data: Option<&[u8]>, meta: &Meta) -> Result<(), Full> {
        if let Some(Some(node)) = self.nodes.get_mut(id.0 as usize) {
            node.data = data.map(Into::into);
            node.meta = *meta;
        }
        Ok(())
    }

    pub fn set_meta(&mut self, id: NodeId, meta: &Meta) {
        if let Some(Some(node)) = self.nodes.get_mut(id.0 as usize) {
            node.meta = *meta;
        }
    }

    /// Znodes, the root counted.
    pub fn node_count(&self) -> u64 {
        self.nodes.iter().flatten().count() as u64
    }

    /// Bytes of all paths and data, as ZooKeeper's `approximate_data_size` counts them.
    pub fn data_bytes(&self) -> u64 {
        0
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> u64 {
        0
    }

    /// Every live znode, in slot order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len() as u32)
            .map(NodeId)
            .filter(|id| self.node(*id).is_some())
    }

    /// Starts a walk over the state of this moment; changes made later do not show in it.
    pub fn walk_begin(&mut self) {
        let ids: Vec<NodeId> = self.ids().collect();
        self.walk = ids
            .into_iter()
            .map(|id| {
                let (meta, mut body) = (self.meta(id), Vec::new());
                body.put_u32(id.0);
                body.put_u32(self.parent(id).map_or(u32::MAX, |parent| parent.0));
                body.put_string(self.name(id));
                body.put_buf(self.data(id));
                for value in [
                    meta.czxid, meta.mzxid, meta.pzxid, meta.ctime, meta.mtime, meta.owner,
                ] {
                    body.put_i64(value);
                }
                for value in [meta.version, meta.creates, meta.aversion, meta.acl as i32] {
                    body.put_i32(value);
                }
                let mut record = Vec::new();
                record.put_u32(body.len() as u32);
                record.extend(body);
                record
            })
            .collect();
    }

    /// Appends whole records (`length u32`, then as many bytes) until about `bytes_max` came;
    /// answers whether there are more. May append nothing and still answer true.
    pub fn walk_next(&mut self, out: &mut Vec<u8>, bytes_max: usize) -> bool {
        let start = out.len();
        while out.len() - start < bytes_max {
            let Some(record) = self.walk.pop_front() else {
                return false;
            };
            out.extend(record);
        }
        true
    }

    /// Forgets the walk.
    pub fn walk_abandon(&mut self) {
        self.walk.clear();
    }

    /// Takes one record (length field included) into a store that held only ROOT before the first;
    /// records may come in any order. After `Damaged` throw the store away.
    pub fn restore(&mut self, record: &mut Reader) -> Result<(), Damaged> {
        self.restore_simple(record).map_err(|_| Damaged)
    }

    fn restore_simple(&mut self, record: &mut Reader) -> Result<(), crate::jute::Malformed> {
        let length = record.u32()? as usize;
        let mut body = Reader::new(record.take(length)?);
        let (slot, parent) = (body.u32()?, body.u32()?);
        let (name, data) = (body.string()?, body.buf()?);
        let meta = Meta {
            czxid: body.i64()?,
            mzxid: body.i64()?,
            pzxid: body.i64()?,
            ctime: body.i64()?,
            mtime: body.i64()?,
            owner: body.i64()?,
            version: body.i32()?,
            creates: body.i32()?,
            aversion: body.i32()?,
            acl: body.u32()?,
        };
        while self.nodes.len() <= slot as usize {
            self.nodes.push(None);
        }
        self.nodes[slot as usize] = Some(Simple {
            parent,
            name: name.into(),
            data: data.map(Into::into),
            meta,
            children: Vec::new(),
        });
        if slot != 0 {
            self.index.insert((parent, name.into()), slot);
        }
        Ok(())
    }

    /// Checks that the records made one whole tree of `count` znodes, the root counted.
    pub fn restore_end(&mut self, count: u64) -> Result<(), Damaged> {
        for slot in 1..self.nodes.len() {
            let Some(parent) = self.nodes[slot].as_ref().map(|node| node.parent) else {
                continue;
            };
            let node = self
                .nodes
                .get_mut(parent as usize)
                .and_then(Option::as_mut)
                .ok_or(Damaged)?;
            node.children.push(NodeId(slot as u32));
        }
        if self.node_count() == count {
            Ok(())
        } else {
            Err(Damaged)
        }
    }
}

/// The children of one znode, in no promised order.
#[derive(Clone)]
pub struct Children<'a> {
    inner: std::slice::Iter<'a, NodeId>,
}

impl Iterator for Children<'_> {
    type Item = NodeId;
    fn next(&mut self) -> Option<NodeId> {
        self.inner.next().copied()
    }
}
