//! The table of access control lists: interned, counted and checked.
//!
//! A znode holds the id of a list. Lists are kept as the bytes they have on the wire, so reading
//! one is a copy. A list nobody uses any more is forgotten one request later (`sweep`), so that
//! the events of a deletion can still be checked against it.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::Writer;

use super::acl_index::AclIndex;
use super::acl_list::{Entries, RawAcl, fix, is_world, matches};
use super::digest;

pub const READ: i32 = 1;
pub const WRITE: i32 = 2;
pub const CREATE: i32 = 4;
pub const DELETE: i32 = 8;
pub const ADMIN: i32 = 16;

/// The id of `world:anyone` with every permission, which most znodes have.
pub const OPEN: u32 = 0;
/// `world:anyone` with all permissions, as a vector on the wire.
const OPEN_BYTES: &[u8] = b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone";
/// `world:anyone` may read: the list of /zookeeper/config.
pub const READ_ONLY_BYTES: &[u8] = b"\0\0\0\x01\0\0\0\x01\0\0\0\x05world\0\0\0\x06anyone";

/// As many lists as there may be, by which ids are bounded too: an id of a snapshot above it is damage.
const LISTS_MAX: usize = 1 << 24;
/// Memory of a list beside its own bytes and its place in `lists`: the counts of its `Rc`, and a place in
/// `ids`, whose blocks are two thirds full.
const LIST_OVERHEAD_BYTES: usize = 16 + 36;
/// A list longer than this has an index: reading a few entries takes no longer.
const INDEXED_BYTES_MIN: usize = 256;

#[derive(Debug)]
struct List {
    encoded: Rc<[u8]>,
    /// Of a list that is too long to be read at each check.
    index: Option<Box<AclIndex>>,
    digest: u64,
    uses: u64,
}

impl List {
    fn bytes(&self) -> usize {
        self.encoded.len() + self.index.as_ref().map_or(0, |index| index.memory_bytes())
    }
}

/// Every list that some znode has.
#[derive(Debug)]
pub struct AclTable {
    lists: Vec<Option<List>>,
    ids: BTreeMap<Rc<[u8]>, u32>,
    free: Vec<u32>,
    /// Lists that had no use at some moment; looked at again by `sweep`.
    unused: Vec<u32>,
    /// Of all lists, and of their indexes.
    lists_bytes: usize,
    /// `LISTS_MAX`, or less in a test.
    lists_max: usize,
}

impl AclTable {
    pub fn new() -> Self {
        let mut table = Self {
            lists: Vec::new(),
            ids: BTreeMap::new(),
            free: Vec::new(),
            unused: Vec::new(),
            lists_bytes: 0,
            lists_max: LISTS_MAX,
        };
        table.put_in(OPEN, OPEN_BYTES, 1);
        table
    }

    /// How many different lists there are.
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        self.lists.capacity() * size_of::<Option<List>>()
            + self.ids.len() * LIST_OVERHEAD_BYTES
            + self.lists_bytes
    }

    /// The list as a vector on the wire.
    pub fn encoded(&self, id: u32) -> &[u8] {
        self.lists
            .get(id as usize)
            .and_then(Option::as_ref)
            .map_or(OPEN_BYTES, |list| &list.encoded)
    }

    /// The hash of what the list says, for the digest of the tree.
    pub fn digest(&self, id: u32) -> u64 {
        self.lists.get(id as usize).and_then(Option::as_ref).map_or(0, |list| list.digest)
    }

    pub fn contains(&self, id: u32) -> bool {
        self.lists.get(id as usize).is_some_and(Option::is_some)
    }

    /// Judges a list that a request brought, expands `auth`, and answers its id.
    pub fn fix_up(&mut self, raw: RawAcl<'_>, auth: &[AuthId]) -> Result<u32, ErrorCode> {
        let encoded = raw.encoded.ok_or(ErrorCode::INVALID_ACL)?;
        if encoded == OPEN_BYTES {
            return Ok(OPEN);
        }
        self.intern(&fix(encoded, auth)?)
    }

    /// The id of a list in its wire form. It lives until the next `sweep` unless it is used. That there
    /// are too many is told from their number, which is the same on all nodes, not from their ids.
    pub fn intern(&mut self, encoded: &[u8]) -> Result<u32, ErrorCode> {
        if let Some(&id) = self.ids.get(encoded) {
            return Ok(id);
        }
        if self.ids.len() >= self.lists_max {
            return Err(ErrorCode::SYSTEM_ERROR);
        }
        let id = self.free.pop().unwrap_or(self.lists.len() as u32);
        self.put_in(id, encoded, 0);
        self.unused.push(id);
        Ok(id)
    }

    fn put_in(&mut self, id: u32, encoded: &[u8], uses: u64) {
        let is_long = encoded.len() > INDEXED_BYTES_MIN;
        let list = List {
            encoded: encoded.into(),
            index: is_long.then(|| Box::new(AclIndex::new(encoded))),
            digest: digest::of_bytes(encoded),
            uses,
        };
        self.lists_bytes += list.bytes();
        self.ids.insert(Rc::clone(&list.encoded), id);
        let index = id as usize;
        if self.lists.len() <= index {
            self.lists.resize_with(index + 1, || None);
        }
        self.lists[index] = Some(list);
    }

    /// Puts a list of a snapshot under the id that its znodes know it by.
    pub fn restore(&mut self, id: u32, encoded: &[u8]) -> bool {
        let is_possible = id != OPEN && (id as usize) < self.lists_max;
        let is_new = is_possible && !self.contains(id) && !self.ids.contains_key(encoded);
        if is_new {
            self.put_in(id, encoded, 0);
        }
        is_new
    }

    /// After a restore: finds the free ids, and forgets what no znode turned out to use.
    pub fn restore_end(&mut self) {
        for (id, list) in self.lists.iter().enumerate() {
            match list {
                None => self.free.push(id as u32),
                Some(list) if list.uses == 0 => self.unused.push(id as u32),
                Some(_) => {}
            }
        }
        self.sweep();
    }

    pub fn add_use(&mut self, id: u32) {
        if id != OPEN
            && let Some(Some(list)) = self.lists.get_mut(id as usize)
        {
            list.uses += 1;
        }
    }

    pub fn drop_use(&mut self, id: u32) {
        if id != OPEN
            && let Some(Some(list)) = self.lists.get_mut(id as usize)
        {
            list.uses = list.uses.saturating_sub(1);
            if list.uses == 0 {
                self.unused.push(id);
            }
        }
    }

    /// Forgets the lists that went out of use, at the start of the next request.
    pub fn sweep(&mut self) {
        while let Some(id) = self.unused.pop() {
            let Some(slot) = self.lists.get_mut(id as usize) else { continue };
            if slot.as_ref().is_some_and(|list| list.uses == 0)
                && let Some(list) = slot.take()
            {
                self.ids.remove(&list.encoded);
                self.lists_bytes -= list.bytes();
                self.free.push(id);
            }
        }
    }

    /// Every list but the open one that some znode uses, for a snapshot.
    pub fn used(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.lists.iter().enumerate().skip(1).filter_map(|(id, list)| {
            list.as_ref().filter(|list| list.uses > 0).map(|list| (id as u32, &*list.encoded))
        })
    }

    /// Whether any of the ids has one of the permissions in `perms`.
    pub fn allows(&self, id: u32, perms: i32, auth: &[AuthId]) -> bool {
        if id == OPEN || auth.iter().any(|who| &*who.scheme == "super") {
            return true;
        }
        if let Some(index) = self.index(id) {
            return index.allows(self.encoded(id), perms, auth);
        }
        Entries::new(self.encoded(id)).any(|entry| {
            entry.perms & perms != 0
                && (is_world(&entry) || auth.iter().any(|who| matches(who, &entry)))
        })
    }

    /// What a check costs, in steps of work.
    pub fn steps(&self, id: u32, auth: &[AuthId]) -> usize {
        match self.index(id) {
            Some(index) => 4 * index.sizes() + 10 * auth.len(),
            None => self.encoded(id).len() / 2,
        }
    }

    fn index(&self, id: u32) -> Option<&AclIndex> {
        self.lists.get(id as usize)?.as_ref()?.index.as_deref()
    }

    /// Appends the list for somebody who may see it; without `admin`, digests are blotted out.
    pub fn put(&self, id: u32, admin: bool, out: &mut Vec<u8>) {
        let encoded = self.encoded(id);
        if admin {
            out.extend_from_slice(encoded);
            return;
        }
        out.extend_from_slice(encoded.get(..4).unwrap_or_default());
        for entry in Entries::new(encoded) {
            out.put_i32(entry.perms);
            out.put_string(entry.scheme);
            match entry.id.split_once(':') {
                Some((user, _)) if entry.scheme == "digest" => {
                    out.put_i32(user.len() as i32 + 2);
                    out.extend_from_slice(user.as_bytes());
                    out.extend_from_slice(b":x");
                }
                _ => out.put_string(entry.id),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Reader;

    fn who(scheme: &str, id: &str) -> AuthId {
        AuthId { scheme: scheme.into(), id: id.into() }
    }

    fn encode(entries: &[(i32, &str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_i32(entries.len() as i32);
        for (perms, scheme, id) in entries {
            out.put_i32(*perms);
            out.put_string(scheme);
            out.put_string(id);
        }
        out
    }

    fn fixed(entries: &[(i32, &str, &str)], auth: &[AuthId]) -> Result<Vec<u8>, ErrorCode> {
        let bytes = encode(entries);
        let mut table = AclTable::new();
        let raw = RawAcl::read(&mut Reader::new(&bytes)).map_err(ErrorCode::from)?;
        table.fix_up(raw, auth).map(|id| table.encoded(id).to_vec())
    }

    #[test]
    fn the_open_list_is_number_zero() {
        let bytes = encode(&[(31, "world", "anyone")]);
        assert_eq!(bytes, OPEN_BYTES);
        let mut table = AclTable::new();
        let raw = RawAcl::read(&mut Reader::new(&bytes)).unwrap_or_else(|_| unreachable!());
        assert_eq!(table.fix_up(raw, &[]), Ok(OPEN));
    }

    #[test]
    fn lists_are_judged_and_expanded() {
        let auth = [who("ip", "127.0.0.1"), who("digest", "u:h"), who("digest", "v:h")];
        let invalid = Err(ErrorCode::INVALID_ACL);
        assert_eq!(fixed(&[], &auth), invalid);
        assert_eq!(fixed(&[(31, "world", "everyone")], &auth), invalid);
        assert_eq!(fixed(&[(31, "nosuch", "x")], &auth), invalid);
        assert_eq!(fixed(&[(31, "x509", "CN=a")], &auth), invalid);
        assert_eq!(fixed(&[(31, "super", "")], &auth), invalid);
        assert_eq!(fixed(&[(31, "", "")], &auth), invalid);
        assert_eq!(fixed(&[(31, "digest", "user")], &auth), invalid);
        assert_eq!(fixed(&[(31, "digest", "user:")], &auth), invalid);
        assert_eq!(fixed(&[(31, "ip", "1.2.3")], &auth), invalid);
        assert_eq!(fixed(&[(31, "auth", "")], &auth[..1]), invalid);
        let two = [(3, "digest", "u:h"), (3, "digest", "v:h")];
        assert_eq!(fixed(&[(3, "auth", "ignored")], &auth), Ok(encode(&two)));
        let twice = [(1, "world", "anyone"), (1, "world", "anyone"), (2, "ip", "10.0.0.0/8")];
        assert_eq!(fixed(&twice, &auth), Ok(encode(&twice[1..])));
        let certificate = [who("x509", "CN=a")];
        assert_eq!(fixed(&[(1, "x509", "CN=b")], &certificate), Ok(encode(&[(1, "x509", "CN=b")])));
    }

    #[test]
    fn a_list_that_grows_too_long_is_refused() {
        let names: Vec<String> = (0..4_000).map(|number| format!("user{number}:h")).collect();
        let list: Vec<_> = names.iter().map(|name| (1, "digest", name.as_str())).collect();
        assert_eq!(fixed(&list[..2_000], &[]), Ok(encode(&list[..2_000])));
        assert_eq!(fixed(&list, &[]), Err(ErrorCode::INVALID_ACL));
    }

    #[test]
    fn permission_needs_a_matching_entry_with_the_bit() {
        let mut table = AclTable::new();
        let list =
            [(READ, "world", "anyone"), (WRITE, "digest", "u:h"), (CREATE, "ip", "10.0.0.0/8")];
        let id = table.intern(&encode(&list)).unwrap_or(OPEN);
        assert!(table.allows(id, READ, &[]));
        assert!(!table.allows(id, WRITE, &[]));
        assert!(table.allows(id, WRITE, &[who("digest", "u:h")]));
        assert!(!table.allows(id, WRITE, &[who("digest", "u:other")]));
        assert!(table.allows(id, CREATE, &[who("ip", "10.9.9.9")]));
        assert!(!table.allows(id, CREATE, &[who("ip", "11.9.9.9")]));
        assert!(table.allows(id, ADMIN, &[who("super", "")]));
        assert!(table.allows(id, READ | ADMIN, &[]));
    }

    #[test]
    fn digests_are_masked_without_admin() {
        let mut table = AclTable::new();
        let list = encode(&[(31, "digest", "u:secret"), (1, "ip", "::1")]);
        let id = table.intern(&list).unwrap_or(OPEN);
        let mut out = Vec::new();
        table.put(id, false, &mut out);
        assert_eq!(out, encode(&[(31, "digest", "u:x"), (1, "ip", "::1")]));
        out.clear();
        table.put(id, true, &mut out);
        assert_eq!(out, encode(&[(31, "digest", "u:secret"), (1, "ip", "::1")]));
    }

    #[test]
    fn a_list_without_use_is_forgotten_a_request_later() {
        let mut table = AclTable::new();
        let bytes = encode(&[(1, "world", "anyone")]);
        let id = table.intern(&bytes).unwrap_or(OPEN);
        table.add_use(id);
        table.sweep();
        assert_eq!((table.count(), table.encoded(id)), (2, &*bytes));
        table.drop_use(id);
        assert_eq!(table.encoded(id), &*bytes, "events of this request may still ask");
        table.sweep();
        assert_eq!((table.count(), table.contains(id)), (1, false));
        assert_eq!(table.intern(&encode(&[(2, "world", "anyone")])), Ok(id), "it is used again");
    }

    /// A list may hold the ids of its requester many times, by `auth` with other permissions each.
    #[test]
    fn a_list_is_not_much_longer_than_what_asked_for_it() {
        let auth = [who("digest", &"u".repeat(4_000))];
        let list: Vec<_> = (1..=20).map(|perms| (perms, "auth", "")).collect();
        assert!(fixed(&list[..15], &auth).is_ok_and(|fixed| fixed.len() < 1 << 16));
        assert_eq!(fixed(&list, &auth), Err(ErrorCode::INVALID_ACL));
    }

    #[test]
    fn the_number_of_lists_is_bounded_as_the_ids_of_a_snapshot_are() {
        let list = |perms| encode(&[(perms, "world", "anyone")]);
        let bounded = || AclTable { lists_max: 4, ..AclTable::new() };
        let mut table = bounded();
        let ids = [1, 2, 3].map(|perms| table.intern(&list(perms)));
        assert_eq!(ids, [Ok(1), Ok(2), Ok(3)]);
        assert_eq!(table.intern(&list(4)), Err(ErrorCode::SYSTEM_ERROR));
        assert_eq!(table.intern(&list(2)), Ok(2), "one that is there costs nothing");
        assert_eq!(table.intern(&list(31)), Ok(OPEN));
        ids.into_iter().flatten().for_each(|id| table.add_use(id));
        let mut copy = bounded();
        assert!(table.used().all(|(id, encoded)| copy.restore(id, encoded)));
        assert!(!copy.restore(4, &list(4)));
        copy.restore_end();
        table.drop_use(3);
        table.sweep();
        assert_eq!(table.intern(&list(4)), Ok(3), "there is room again");
    }

    #[test]
    fn lists_are_counted_in_memory_once() {
        let mut table = AclTable::new();
        let (before, long) = (table.memory_bytes(), encode(&[(1, "digest", &"x".repeat(50_000))]));
        assert_eq!(table.intern(&long), Ok(1));
        let grown = table.memory_bytes() - before;
        assert!((50_000..51_000).contains(&grown), "{grown}");
        table.sweep();
        let mut copy = AclTable::new();
        assert!(copy.restore(1, &long));
        assert!(copy.memory_bytes() > before + 50_000 && table.memory_bytes() < before + 1_000);
    }
}
