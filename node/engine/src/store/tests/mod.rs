//! The store against a plain map: every answer, every walk, every restore.

use std::collections::BTreeMap;

use super::{Damaged, Meta, NodeId, ROOT, Store};
use crate::jute::Reader;

mod damage;

type Model = BTreeMap<String, (Meta, Option<Vec<u8>>)>;

/// `SplitMix64`: small, and the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Any field may have any value; most are as a fresh znode has them.
    fn meta(&mut self) -> Meta {
        let mut any = |usual: i64| match self.below(8) {
            0 => self.next() as i64,
            1 => i64::MIN + self.below(3) as i64,
            _ => usual,
        };
        let czxid = any(77);
        Meta {
            czxid,
            mzxid: any(czxid),
            pzxid: any(czxid),
            ctime: any(1_700_000_000_000),
            mtime: any(1_700_000_000_000),
            version: any(0) as i32,
            creates: any(0) as i32,
            aversion: any(0) as i32,
            owner: any(0),
            acl: any(0) as u32,
        }
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        let length = match self.below(20) {
            0 => return None,
            1 => 0,
            2 => self.below(20_000),
            3..6 => self.below(1500),
            _ => self.below(120),
        };
        let byte = self.next() as u8;
        Some((0..length).map(|at| byte.wrapping_add(at as u8)).collect())
    }
}

fn path_of(store: &Store, id: NodeId) -> String {
    let mut path = Vec::new();
    store.push_path(id, &mut path);
    String::from_utf8(path).unwrap_or_default()
}

/// Everything that the store says, having seen that all ways to ask agree.
fn dump(store: &Store) -> Model {
    let (mut model, mut todo, mut bytes) = (Model::new(), vec![ROOT], 0);
    while let Some(id) = todo.pop() {
        let path = path_of(store, id);
        assert_eq!(store.lookup(&path), Some(id), "{path}");
        let children: Vec<NodeId> = store.children(id).collect();
        assert_eq!(children.len(), store.num_children(id) as usize);
        for &child in &children {
            assert_eq!(store.parent(child), Some(id));
            assert_eq!(store.child(id, store.name(child)), Some(child));
        }
        todo.extend(children);
        let data = store.data(id).map(<[u8]>::to_vec);
        bytes += path.len() + data.as_ref().map_or(0, Vec::len);
        let read = store.read(id).map(|all| (all.name, all.meta, all.data, all.num_children));
        let apart = (store.name_bytes(id), store.meta(id), store.data(id), store.num_children(id));
        assert_eq!(read, Some(apart));
        model.insert(path, (store.meta(id), data));
    }
    assert_eq!(store.node_count(), model.len() as u64);
    assert_eq!(store.ids().count(), model.len());
    assert_eq!(store.descendants_count(ROOT), model.len() as u64 - 1);
    assert_eq!(store.data_bytes(), bytes as u64);
    model
}

fn walk_all(store: &mut Store) -> Vec<u8> {
    let mut out = Vec::new();
    store.walk_begin();
    while store.walk_next(&mut out, 1000) {}
    out
}

fn records(mut snapshot: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some((length, _)) = snapshot.split_first_chunk::<4>() {
        let (record, rest) = snapshot.split_at(4 + u32::from_be_bytes(*length) as usize);
        found.push(record.to_vec());
        snapshot = rest;
    }
    found
}

fn restored(records: &[Vec<u8>]) -> Result<Store, Damaged> {
    let mut store = Store::new(99);
    for record in records {
        store.restore(&mut Reader::new(record))?;
    }
    store.restore_end(records.len() as u64)?;
    Ok(store)
}

/// A store and its model, changed alike.
struct Twins {
    store: Store,
    model: Model,
    random: Random,
}

impl Twins {
    fn new(seed: u64) -> Self {
        let store = Store::new(seed);
        let model = dump(&store);
        Self { store, model, random: Random(seed) }
    }

    fn some_path(&mut self) -> String {
        let at = self.random.below(self.model.len());
        self.model.keys().nth(at).cloned().unwrap_or_default()
    }

    fn some_id(&mut self) -> (String, NodeId) {
        let path = self.some_path();
        let id = self.store.lookup(&path);
        assert!(id.is_some(), "{path}");
        (path, id.unwrap_or(ROOT))
    }

    /// One random change, of which `growth` in ten are inserts.
    fn change(&mut self, growth: usize) {
        let (path, id) = self.some_id();
        let (meta, data) = (self.random.meta(), self.random.data());
        match self.random.below(10) {
            kind if kind < growth => self.insert(&path, id, meta, data),
            7 => {
                assert_eq!(self.store.set_data(id, data.as_deref(), &meta), Ok(()));
                self.model.insert(path, (meta, data));
            }
            8 => self.change_meta(&path, id, meta),
            _ => {
                let is_leaf = self.store.num_children(id) == 0 && id != ROOT;
                self.store.remove(id);
                if is_leaf {
                    self.model.remove(&path);
                }
            }
        }
    }

    fn insert(&mut self, parent_path: &str, parent: NodeId, meta: Meta, data: Option<Vec<u8>>) {
        let name = format!("ñ{}", self.random.below(400));
        let path = format!("{}/{name}", parent_path.trim_end_matches('/'));
        let found = self.store.child(parent, &name);
        assert_eq!(found.is_some(), self.model.contains_key(&path));
        if found.is_none() {
            assert!(self.store.insert(parent, &name, data.as_deref(), &meta).is_ok());
            self.model.insert(path, (meta, data));
        }
    }

    fn change_meta(&mut self, path: &str, id: NodeId, any: Meta) {
        // Half the time what a new child does to its parent.
        let old = self.store.meta(id);
        let creates = old.creates.wrapping_add(1);
        let as_parent = Meta { pzxid: any.czxid, creates, ..old };
        let meta = if self.random.below(2) == 0 { any } else { as_parent };
        self.store.set_meta(id, &meta);
        if let Some(found) = self.model.get_mut(path) {
            found.0 = meta;
        }
    }
}

/// Whatever is done, the store says what a plain map says.
#[test]
fn random_changes_agree_with_a_map() {
    for seed in 1..=3 {
        let mut twins = Twins::new(seed);
        for round in 0..30 {
            for _ in 0..200 {
                twins.change(if round % 10 < 7 { 6 } else { 1 });
            }
            assert_eq!(dump(&twins.store), twins.model, "seed {seed}");
        }
    }
}

/// A walk shows the moment of its beginning exactly, each znode once, however the store changes.
#[test]
fn a_walk_shows_the_state_at_its_beginning() {
    for seed in 100..106 {
        let mut twins = Twins::new(seed);
        for round in 0..8 {
            for _ in 0..150 {
                twins.change(if round % 4 == 3 { 2 } else { 6 });
            }
            let (then, mut snapshot) = (twins.model.clone(), Vec::new());
            twins.store.walk_begin();
            let mut budget = 1 + twins.random.below(3000);
            while twins.store.walk_next(&mut snapshot, budget) {
                for _ in 0..twins.random.below(25) {
                    twins.change(twins.model.len() % 7);
                }
                budget = 1 + twins.random.below(3000);
            }
            let mut records = records(&snapshot);
            assert_eq!(records.len(), then.len(), "seed {seed}");
            let copy = restored(&records).map(|store| dump(&store));
            assert_eq!(copy.as_ref(), Ok(&then), "seed {seed}");
            for at in (1..records.len()).rev() {
                records.swap(at, twins.random.below(at + 1));
            }
            let copy = restored(&records).map(|store| dump(&store));
            assert_eq!(copy, Ok(then), "seed {seed}, shuffled");
            assert_eq!(dump(&twins.store), twins.model, "seed {seed}");
        }
    }
}

/// A restored store goes on like any other: its free slots, its index and its lists are whole.
#[test]
fn a_restored_store_can_be_changed() {
    let mut twins = Twins::new(7);
    (0..3000).for_each(|_| twins.change(6));
    (0..500).for_each(|_| twins.change(0));
    let Ok(copy) = restored(&records(&walk_all(&mut twins.store))) else { unreachable!() };
    twins.store = copy;
    let end = twins.store.slots.end();
    let free = end - twins.store.slots.live();
    assert!(free > 100);
    for n in 0..free {
        let name = format!("n{n}");
        assert!(twins.store.insert(ROOT, &name, None, &Meta::default()).is_ok());
        twins.model.insert(format!("/{name}"), (Meta::default(), None));
    }
    assert_eq!(twins.store.slots.end(), end, "free slots were not used again");
    (0..3000).for_each(|_| twins.change(4));
    assert_eq!(dump(&twins.store), twins.model);
}

/// An abandoned walk leaves nothing behind, and a new one starts afresh.
#[test]
fn an_abandoned_walk_is_forgotten() {
    let mut twins = Twins::new(8);
    (0..2000).for_each(|_| twins.change(6));
    twins.store.walk_begin();
    let mut out = Vec::new();
    assert!(twins.store.walk_next(&mut out, 10));
    (0..500).for_each(|_| twins.change(6));
    twins.store.walk_abandon();
    assert!(!twins.store.walk_next(&mut out, 10));
    let copy = restored(&records(&walk_all(&mut twins.store))).map(|store| dump(&store));
    assert_eq!(copy, Ok(twins.model));
}

/// A step of a walk is bounded by bytes, records put aside included.
#[test]
fn a_step_of_a_walk_is_bounded() {
    let mut store = Store::new(1);
    for n in 0..5000 {
        assert!(store.insert(ROOT, &format!("n{n}"), Some(&[1; 100]), &Meta::default()).is_ok());
    }
    store.walk_begin();
    let ids: Vec<NodeId> = store.ids().collect();
    for id in ids {
        assert_eq!(store.set_data(id, Some(b"new"), &Meta::default()), Ok(()));
    }
    let (mut steps, mut more) = (0, true);
    while more {
        let mut out = Vec::new();
        more = store.walk_next(&mut out, 1000);
        assert!(out.len() <= 1000 + super::walk::ASIDE_BYTES + 200);
        steps += 1;
    }
    assert!(steps >= 8);
}

/// Large data is kept and given back; so are many small blocks.
#[test]
fn memory_is_given_back() {
    let mut store = Store::new(1);
    let data = vec![5; 1 << 20];
    let ids: Vec<NodeId> = (0..20)
        .filter_map(|n| store.insert(ROOT, &n.to_string(), Some(&data), &Meta::default()).ok())
        .collect();
    assert!(store.memory_bytes() > 20 << 20);
    assert!(ids.iter().all(|&id| store.data(id) == Some(&data[..])));
    for &id in &ids {
        store.remove(id);
    }
    assert!(store.memory_bytes() < 1 << 20);
    assert_eq!(store.data_bytes(), 1);
}

/// Ids that are not live answer like an empty znode.
#[test]
fn stale_ids_read_as_nothing() {
    let mut store = Store::new(1);
    for id in [NodeId(1), NodeId(77_777), NodeId(u32::MAX), NodeId(u32::MAX - 1)] {
        assert_eq!(store.read(id), None);
        assert_eq!((store.meta(id), store.data(id), store.name(id)), Default::default());
        assert_eq!((store.parent(id), store.children(id).count()), (None, 0));
        assert_eq!(store.descendants_count(id), 0);
        store.remove(id);
        store.set_meta(id, &Meta::default());
        assert!(store.set_data(id, None, &Meta::default()).is_err());
        assert!(store.insert(id, "a", None, &Meta::default()).is_err());
    }
    assert_eq!(dump(&store).len(), 1);
}

/// The index grows with the znodes and finds all of them, and none that is gone.
#[test]
fn the_index_finds_every_znode_while_it_grows() {
    let mut store = Store::new(1);
    let count = 30_000;
    for n in 0..count {
        assert!(store.insert(ROOT, &format!("n{n:07}"), None, &Meta::default()).is_ok());
        if n % 1009 == 0 {
            assert!((0..=n).all(|at| store.lookup(&format!("/n{at:07}")).is_some()));
        }
    }
    for n in (0..count).step_by(2) {
        let id = store.lookup(&format!("/n{n:07}"));
        store.remove(id.unwrap_or(ROOT));
    }
    assert!((0..count).all(|n| store.lookup(&format!("/n{n:07}")).is_some() == (n % 2 == 1)));
    assert_eq!(store.num_children(ROOT), count / 2);
}

/// Names that were chosen to be in one chain under a seed are spread out under another.
#[test]
fn names_collide_under_one_seed_only() {
    let [mut guessed, mut other] = [1, 2].map(Store::new);
    for name in names_of_one_chain(&guessed, 50) {
        for store in [&mut guessed, &mut other] {
            assert!(store.insert(ROOT, &name, None, &Meta::default()).is_ok());
        }
    }
    assert!(guessed.longest_chain() >= 50);
    assert!(other.longest_chain() < 10);
}

/// Names of children of the root that an empty store of this seed keeps in one chain.
pub fn names_of_one_chain(store: &Store, count: usize) -> Vec<String> {
    let names = (0..).map(|number| format!("{number:016x}"));
    names.filter(|name| store.index.chain_of(0, name.as_bytes()) == 0).take(count).collect()
}
