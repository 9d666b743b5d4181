//! Who the connections are: shared lists of ids, and what an auth packet adds to one.
//!
//! Most connections of one host have the same list, and a batch carries each list once; so lists
//! are interned, and a connection holds a number.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::keyed_hash::{KeyedMap, KeyedState};
use super::limits::{AUTH_BYTES_MAX, AUTH_IDS_BYTES_MAX, AUTH_IDS_MAX};
use crate::auth::AuthId;
use crate::jute::{Malformed, Reader, Writer, patch_i32};

/// An interned list of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthSetId(u32);

/// The list of requests that no client made: nobody.
pub const NOBODY: AuthSetId = AuthSetId(0);

#[derive(Debug)]
struct AuthSet {
    ids: Vec<AuthId>,
    references: u32,
    /// The batch that this list was last added to, and its index there.
    epoch: u64,
    index: u16,
}

/// All lists in use.
#[derive(Debug)]
pub struct AuthSets {
    sets: Vec<AuthSet>,
    free: Vec<u32>,
    by_ids: KeyedMap<Vec<AuthId>, u32>,
}

impl AuthSets {
    pub fn new(hash: KeyedState) -> Self {
        let nobody = AuthSet { ids: Vec::new(), references: 1, epoch: 0, index: 0 };
        Self { sets: vec![nobody], free: Vec::new(), by_ids: KeyedMap::with_hasher(hash) }
    }

    pub fn ids(&self, set: AuthSetId) -> &[AuthId] {
        &self.sets[set.0 as usize].ids
    }

    /// The number of this list; it must be released once for every time it was acquired.
    pub fn acquire(&mut self, ids: Vec<AuthId>) -> AuthSetId {
        if let Some(&number) = self.by_ids.get(&ids) {
            self.sets[number as usize].references += 1;
            return AuthSetId(number);
        }
        let set = AuthSet { ids: ids.clone(), references: 1, epoch: 0, index: 0 };
        let number = if let Some(number) = self.free.pop() {
            self.sets[number as usize] = set;
            number
        } else {
            self.sets.push(set);
            self.sets.len() as u32 - 1
        };
        self.by_ids.insert(ids, number);
        AuthSetId(number)
    }

    pub fn release(&mut self, set: AuthSetId) {
        if set == NOBODY {
            return;
        }
        let entry = &mut self.sets[set.0 as usize];
        entry.references -= 1;
        if entry.references == 0 {
            self.by_ids.remove(&core::mem::take(&mut entry.ids));
            self.free.push(set.0);
        }
    }

    /// The index of this list in the batch of this epoch, if it is in.
    pub fn index_in(&self, set: AuthSetId, epoch: u64) -> Option<u16> {
        let entry = &self.sets[set.0 as usize];
        (entry.epoch == epoch).then_some(entry.index)
    }

    pub fn set_index(&mut self, set: AuthSetId, epoch: u64, index: u16) {
        let entry = &mut self.sets[set.0 as usize];
        entry.epoch = epoch;
        entry.index = index;
    }
}

/// The id that passes every ACL check.
pub fn super_id() -> AuthId {
    AuthId { scheme: "super".into(), id: "".into() }
}

/// `user:BASE64(SHA1(user:password))`, as ZooKeeper's digest scheme names a user.
pub fn digest_id(credentials: &str) -> String {
    let user = credentials.split(':').next().unwrap_or_default();
    let hash = STANDARD.encode(Sha1::digest(credentials.as_bytes()));
    format!("{user}:{hash}")
}

/// The ids after an auth packet, or `None` when it fails. The packet is `type i32, scheme str, auth
/// buf`.
///
/// Like ZooKeeper, scheme `ip` succeeds and adds nothing: the peer's address is an id already.
pub fn authenticate(ids: &[AuthId], packet: &[u8], super_digest: &str) -> Option<Vec<AuthId>> {
    let (scheme, credentials) = decode_auth(packet).ok()?;
    let mut after = ids.to_vec();
    match scheme {
        "digest" => {
            let credentials = credentials.filter(|bytes| bytes.len() <= AUTH_BYTES_MAX)?;
            let digest = digest_id(&String::from_utf8_lossy(credentials));
            if !super_digest.is_empty() && digest == super_digest {
                add(&mut after, super_id());
            }
            add(&mut after, AuthId { scheme: "digest".into(), id: digest.into() });
        }
        "ip" => {}
        _ => return None,
    }
    (after.len() <= AUTH_IDS_MAX && fits(&after)).then_some(after)
}

/// Whether a connection may have all of these ids.
pub fn fits(ids: &[AuthId]) -> bool {
    ids.iter().map(|id| id.scheme.len() + id.id.len()).sum::<usize>() <= AUTH_IDS_BYTES_MAX
}

/// (scheme, credentials): null credentials are none, empty ones are some.
fn decode_auth(packet: &[u8]) -> Result<(&str, Option<&[u8]>), Malformed> {
    let mut reader = Reader::new(packet);
    let _type = reader.i32()?;
    Ok((reader.string()?, reader.buf()?))
}

fn add(ids: &mut Vec<AuthId>, id: AuthId) {
    if !ids.contains(&id) {
        ids.push(id);
    }
}

/// The body of a whoAmI reply: scheme and user of each id, without secrets.
pub fn put_who_am_i(ids: &[AuthId], out: &mut Vec<u8>) {
    let count_at = out.len();
    out.put_i32(0);
    for id in ids {
        out.put_string(&id.scheme);
        out.put_string(
            id.id.split(':').next().filter(|_| &*id.scheme == "digest").unwrap_or(&id.id),
        );
    }
    patch_i32(out, count_at, ids.len() as i32);
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "bob:secret";

    fn packet(scheme: &str, credentials: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_i32(0);
        out.put_string(scheme);
        out.put_buf(Some(credentials));
        out
    }

    fn ip() -> AuthId {
        AuthId { scheme: "ip".into(), id: "10.0.0.1".into() }
    }

    /// The digest is the one that ZooKeeper documents for super:test-like pairs.
    #[test]
    fn digest_matches_zookeeper() {
        assert_eq!(digest_id("super:test"), "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
    }

    /// A digest id is added once; the super digest adds the super id before it.
    #[test]
    fn digest_adds_ids() {
        let once = authenticate(&[ip()], &packet("digest", BOB.as_bytes()), "").unwrap_or_default();
        assert_eq!(once.len(), 2);
        let twice = authenticate(&once, &packet("digest", BOB.as_bytes()), "");
        assert_eq!(twice, Some(once));
        let root = authenticate(&[], &packet("digest", BOB.as_bytes()), &digest_id(BOB));
        assert_eq!(root.unwrap_or_default()[0], super_id());
    }

    /// An address cannot be claimed, and what is not known fails.
    #[test]
    fn other_schemes_add_nothing() {
        let ids = [ip()];
        assert_eq!(authenticate(&ids, &packet("ip", b"10.9.9.9"), ""), Some(ids.to_vec()));
        for scheme in ["world", "auth", "super", "x509", "sasl", ""] {
            assert_eq!(authenticate(&ids, &packet(scheme, b"a:b"), ""), None, "{scheme}");
        }
        assert_eq!(authenticate(&ids, &[0, 0], ""), None);
        let mut null = packet("digest", b"");
        assert!(authenticate(&ids, &null, "").is_some());
        let length_at = null.len() - 4;
        null[length_at..].fill(0xff);
        assert_eq!(authenticate(&ids, &null, ""), None);
        assert_eq!(authenticate(&ids, &packet("digest", &[b'a'; AUTH_BYTES_MAX + 1]), ""), None);
    }

    /// Ids are bounded all together; one that is there already is no more.
    #[test]
    fn ids_of_a_connection_are_bounded_together() {
        let long = |user: char| {
            let credentials = format!("{}:p", user.to_string().repeat(1_500));
            packet("digest", credentials.as_bytes())
        };
        let one = authenticate(&[ip()], &long('a'), "").unwrap_or_default();
        let two = authenticate(&one, &long('b'), "").unwrap_or_default();
        assert_eq!(two.len(), 3);
        assert_eq!(authenticate(&two, &long('c'), ""), None);
        assert_eq!(authenticate(&two, &long('b'), ""), Some(two));
    }

    /// Equal lists are one; a list that nobody holds gives its number back.
    #[test]
    fn lists_are_shared_and_freed() {
        let mut sets = AuthSets::new(KeyedState::new(1));
        let first = sets.acquire(vec![ip()]);
        assert_eq!(sets.acquire(vec![ip()]), first);
        sets.release(first);
        assert_eq!(sets.ids(first), [ip()]);
        sets.release(first);
        assert_eq!(sets.acquire(vec![super_id()]), first);
    }

    /// A hash is no part of the answer to who am I.
    #[test]
    fn who_am_i_hides_the_hash() {
        let mut out = Vec::new();
        let digest = AuthId { scheme: "digest".into(), id: "bob:hash=".into() };
        let address = AuthId { scheme: "ip".into(), id: "::1".into() };
        put_who_am_i(&[digest, address], &mut out);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.i32(), Ok(2));
        let fields: Vec<_> = (0..4).map(|_| reader.string()).collect();
        assert_eq!(fields, [Ok("digest"), Ok("bob"), Ok("ip"), Ok("::1")]);
    }
}
