//! The table of access control lists: interned, counted and checked.
//!
//! A znode holds the id of a list. Lists are kept as the bytes they have on the wire, so reading
//! one is a copy. A list nobody uses any more is forgotten one request later (`sweep`), so that
//! the events of a deletion can still be checked against it.

use std::collections::BTreeMap;

use crate::auth::AuthId;
use crate::error::ErrorCode;
use crate::jute::Writer;

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

#[derive(Debug)]
struct List {
    encoded: Box<[u8]>,
    digest: u64,
    uses: u64,
}

impl List {
    fn new(encoded: &[u8]) -> Self {
        Self { encoded: encoded.into(), digest: digest::of_bytes(encoded), uses: 0 }
    }
}

/// Every list that some znode has.
#[derive(Debug)]
pub struct AclTable {
    lists: Vec<Option<List>>,
    ids: BTreeMap<Box<[u8]>, u32>,
    free: Vec<u32>,
    /// Lists that had no use at some moment; looked at again by `sweep`.
    unused: Vec<u32>,
}

impl AclTable {
    pub fn new() -> Self {
        let open = List { uses: 1, ..List::new(OPEN_BYTES) };
        let ids = BTreeMap::from([(Box::from(OPEN_BYTES), OPEN)]);
        Self { lists: vec![Some(open)], ids, free: Vec::new(), unused: Vec::new() }
    }

    /// How many different lists there are.
    pub fn count(&self) -> usize {
        self.ids.len()
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
        let fixed = fix(encoded, auth)?;
        Ok(self.intern(&fixed))
    }

    /// The id of a list in its wire form. It lives until the next `sweep` unless it is used.
    pub fn intern(&mut self, encoded: &[u8]) -> u32 {
        if let Some(&id) = self.ids.get(encoded) {
            return id;
        }
        let list = Some(List::new(encoded));
        let id = if let Some(id) = self.free.pop() {
            self.lists[id as usize] = list;
            id
        } else {
            self.lists.push(list);
            (self.lists.len() - 1) as u32
        };
        self.ids.insert(encoded.into(), id);
        self.unused.push(id);
        id
    }

    /// Puts a list of a snapshot under the id that its znodes know it by.
    pub fn restore(&mut self, id: u32, encoded: &[u8]) -> bool {
        let index = id as usize;
        if id == OPEN || index > LISTS_MAX || self.contains(id) || self.ids.contains_key(encoded) {
            return false;
        }
        while self.lists.len() <= index {
            self.lists.push(None);
        }
        self.lists[index] = Some(List::new(encoded));
        self.ids.insert(encoded.into(), id);
        true
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
        Entries::new(self.encoded(id)).any(|entry| {
            entry.perms & perms != 0
                && (is_world(&entry) || auth.iter().any(|who| matches(who, &entry)))
        })
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

/// Ids of a snapshot above this are damage, not lists: each list takes memory of its own.
const LISTS_MAX: usize = 1 << 24;

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
        let names: Vec<String> = (0..40_000).map(|number| format!("user{number}:h")).collect();
        let list: Vec<_> = names.iter().map(|name| (1, "digest", name.as_str())).collect();
        assert_eq!(fixed(&list[..20_000], &[]), Ok(encode(&list[..20_000])));
        assert_eq!(fixed(&list, &[]), Err(ErrorCode::INVALID_ACL));
    }

    #[test]
    fn permission_needs_a_matching_entry_with_the_bit() {
        let mut table = AclTable::new();
        let list =
            [(READ, "world", "anyone"), (WRITE, "digest", "u:h"), (CREATE, "ip", "10.0.0.0/8")];
        let id = table.intern(&encode(&list));
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
        let id = table.intern(&encode(&[(31, "digest", "u:secret"), (1, "ip", "::1")]));
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
        let id = table.intern(&bytes);
        table.add_use(id);
        table.sweep();
        assert_eq!((table.count(), table.encoded(id)), (2, &*bytes));
        table.drop_use(id);
        assert_eq!(table.encoded(id), &*bytes, "events of this request may still ask");
        table.sweep();
        assert_eq!((table.count(), table.contains(id)), (1, false));
        assert_eq!(table.intern(&encode(&[(2, "world", "anyone")])), id, "the id is used again");
    }
}
